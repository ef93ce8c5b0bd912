"""``python -m tests.support.golden_service``: the service, to which a file is the official MiDaS.

The environment variable ``GOLDEN_CHECKPOINT`` says which file.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from service.__main__ import main
from service.models.registry import SPECS
from service.models.served_networks import DEMO
from service.models.weights import sha256_of

if __name__ == "__main__":
    file, spec = Path(os.environ["GOLDEN_CHECKPOINT"]), SPECS[DEMO]
    weights = dataclasses.replace(spec.weights, bytes=file.stat().st_size, sha256=sha256_of(file))
    SPECS[DEMO] = dataclasses.replace(spec, weights=weights)
    raise SystemExit(main())
