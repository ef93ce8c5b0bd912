"""Log lines as text or JSON, each with its request's id."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from service.observability.context import request_id_var
from service.settings import LogFormat, Settings

# As long as a collector is away, each batch of spans is worth several lines.
_REPEAT_SECONDS = 600.0
_TEXT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class _RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id_var.get()
        return True


class _RepeatFilter(logging.Filter):
    """Lets OpenTelemetry say from each place once in ten minutes what it has to say."""

    def __init__(self) -> None:
        super().__init__("opentelemetry")
        self._said_at: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self._said_at.get(place, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return False
        self._said_at[place] = now
        return True


class _StreamFilter(logging.Filter):
    """Leaves out uvicorn's lines of streams: they hold addresses, and query strings as sent.

    Text that is no UTF-8 is the client's fault, and no error of ours. The service has a line of its
    own for each stream.
    """

    _LEFT_OUT = ('"WebSocket %s"', "Invalid UTF-8 sequence received from client.")

    def filter(self, record: logging.LogRecord) -> bool:
        said = str(record.msg)
        return record.name != "uvicorn.error" or not any(text in said for text in self._LEFT_OUT)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; fields passed as ``extra={"fields": {...}}`` are merged in."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure_logging(settings: Settings) -> None:
    """Send every log line to standard error in the configured format and level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RequestIdFilter())
    handler.addFilter(_RepeatFilter())
    handler.addFilter(_StreamFilter())
    json_lines = settings.log_format is LogFormat.JSON
    handler.setFormatter(JsonFormatter() if json_lines else logging.Formatter(_TEXT))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # What they say of each connection has a line of the service's own.
    for name in ("httpx", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # In detail it would log a stream's headers and messages, which may hold an API key.
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, logging.getLogger().level))
