"""The contract between operator and wrapper, and the settings of the platform."""
