"""The locked Python packages held against the advisories that are known today. Nothing passes that was not scanned."""
