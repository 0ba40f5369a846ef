"""Value objects such as names, keys, URIs and cron expressions, which are parsed once, on input."""
