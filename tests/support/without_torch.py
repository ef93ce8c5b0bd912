"""The service as where torch is not installed: ``python -m tests.support.without_torch serve``."""

from __future__ import annotations

import sys

# None in place of a module is what Python takes for one that cannot be imported.
sys.modules |= dict.fromkeys(("torch", "torchvision", "timm"), None)  # type: ignore[arg-type]

from service.__main__ import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
