"""Where runs run: a cluster, or this machine. Both keep the same objects and the same store."""
