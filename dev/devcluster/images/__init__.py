"""Images: built with what this machine has, kept as OCI layouts, loaded into the cluster."""
