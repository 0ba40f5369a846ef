"""What runs inside of the images' builds: the standard library of the base's Python only, each module a command."""
