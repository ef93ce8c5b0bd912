from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.inference.worker import InferenceWorker


@pytest.fixture
def worker() -> Iterator[InferenceWorker]:
    """The inference thread, running."""
    worker = InferenceWorker(heartbeat_timeout_seconds=60)
    worker.start()
    yield worker
    worker.stop()
