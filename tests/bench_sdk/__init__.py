"""What the SDK costs: submissions a second, how late `wait` returns, how late a log line comes."""
