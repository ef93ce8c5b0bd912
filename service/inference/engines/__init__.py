"""Engines: a network made executable.

This package must be imported before the runtimes it tames.
"""

import os
import sys

# OpenVINO looks up an analytics host on every start and keeps a client id in the home folder
# unless this package is missing, which it allows for. This service talks to nobody unasked.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

# torch's CPU kernels are kept for each shape that was seen, by default 1024 of them. 64 are no
# slower here and save 40 MB over twelve aspect ratios.
for _variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_variable, "64")
