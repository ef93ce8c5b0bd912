"""Kinds of image files: told, checked and cut down to their pixels, by their bytes."""
