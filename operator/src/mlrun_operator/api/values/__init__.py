"""Value objects: names, keys, URIs, cron expressions; parsed once, at the edge."""
