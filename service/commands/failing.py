"""How a command ends that cannot do what it was asked."""

from __future__ import annotations

import sys


def fail(reason: str) -> int:
    """Say why on standard error; the exit status is that of a wrong command line."""
    print(reason, file=sys.stderr)
    return 2
