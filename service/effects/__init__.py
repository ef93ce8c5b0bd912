"""What depth is for: pure functions from a photo and its depth map to a result, without HTTP."""
