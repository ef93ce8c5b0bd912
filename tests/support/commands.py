"""The command line, in the test's own process: starting another takes a second of a core."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import subprocess
from collections.abc import Iterator
from unittest import mock

import pytest

from service.__main__ import main
from service.commands import serve
from tests.support.server import ROOT, service_env

# Whose level or handlers a command sets; the first is the root.
_LOGGERS = tuple(map(logging.getLogger, (None, "httpx", "websockets", "uvicorn.error")))


def run_command(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What ``python -m service`` would do and say; an exception is not caught.

    What only a process of its own shows (its exit, threads, memory) is for ``run_service``.
    """
    said, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(errors),
        mock.patch.dict(os.environ, service_env(settings), clear=True),
        contextlib.chdir(ROOT),
        _logging_restored(),
        _heap_left_alone(),
    ):
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return subprocess.CompletedProcess(arguments, status, said.getvalue(), errors.getvalue())


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    levels = [logger.level for logger in _LOGGERS]
    handlers = _LOGGERS[0].handlers[:]
    # Else setting up would close them: they are pytest's.
    _LOGGERS[0].handlers.clear()
    try:
        yield
    finally:
        _LOGGERS[0].handlers[:] = handlers
        for logger, level in zip(_LOGGERS, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _heap_left_alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("limit_arenas", "keep_large_buffers", "limit_kernel_caches"):
            patch.setattr(serve, name, lambda: None)
        yield
