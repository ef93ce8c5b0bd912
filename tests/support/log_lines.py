"""What the service logs while a block runs, and of which request it says that it is."""

from __future__ import annotations

import logging
from typing import NamedTuple

from service.observability.context import request_id_var


class Line(NamedTuple):
    request_id: str
    text: str


class LogLines(logging.Handler):
    """As a context manager, the list of the lines, in order, from whatever thread."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(Line(request_id_var.get(), record.getMessage()))

    def __enter__(self) -> list[Line]:
        logging.getLogger("service").addHandler(self)
        return self._lines

    def __exit__(self, *_: object) -> None:
        logging.getLogger("service").removeHandler(self)
