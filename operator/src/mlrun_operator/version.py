"""The version of this package, of both images and of the charts."""

__version__ = "0.1.0"
