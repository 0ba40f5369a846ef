"""What a release must be: one version everywhere, and a section of the changelog."""
