"""How a command ends that cannot do what it was asked."""

from __future__ import annotations

import logging
import os
import signal
import sys

import pydantic
from pydantic_core import ErrorDetails

from service.errors import DepthError, InvalidParameter, WeightsError

logger = logging.getLogger(__name__)

EXPECTED = (pydantic.ValidationError, DepthError, WeightsError, OSError)
"""What is told in a sentence; anything else is a fault of ours."""

# As shells say of a program that a signal ended.
_SIGNALLED = 128
INTERRUPTED = _SIGNALLED + signal.SIGINT
"""The exit status after Ctrl-C."""


def fail(reason: str) -> int:
    """Say why on standard error; the exit status is that of a wrong command line."""
    print(reason, file=sys.stderr)
    return 2


def fail_because(error: Exception) -> int:
    """Say what of :data:`EXPECTED` it was; the exit status."""
    logger.debug("the command ends", exc_info=error)
    match error:
        case pydantic.ValidationError():
            return fail("\n".join(map(_setting, error.errors())))
        case InvalidParameter():
            return fail(error.detail)
        case BrokenPipeError():
            return _leave_closed_pipe()
        case OSError():
            return fail(_reason(error))
    print(error, file=sys.stderr)
    return 1


def _setting(fault: ErrorDetails) -> str:
    """Which setting is wrong, and how."""
    # Of a list the first part names the variable, the second the item.
    name = "".join(str(part) for part in fault["loc"][:1]).upper()
    message = fault["msg"].removeprefix("Value error, ")
    return f"DEPTH_{name}: {message}" if name else message


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _leave_closed_pipe() -> int:
    """As a program whose reader has gone (``| head``): without a word."""
    # Python would try to write the rest once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _SIGNALLED + signal.SIGPIPE
