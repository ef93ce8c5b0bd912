"""How well depth maps agree with true depth."""
