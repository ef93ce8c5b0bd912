"""Engines: a network made executable.

This package must be imported before OpenVINO, which looks up an analytics host on every start and
keeps a client id in the home folder unless its telemetry package is missing (it allows for that).
This service talks to nobody unasked.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
