"""A monocular depth service: a photo in over HTTP, a depth map out."""

__version__ = "0.1.0"
