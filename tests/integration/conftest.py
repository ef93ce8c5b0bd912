from __future__ import annotations

from collections.abc import Iterator

import pytest
import tritonclient.http as triton

from tests.support.server import ServerProcess


@pytest.fixture
def client(server: ServerProcess) -> Iterator[triton.InferenceServerClient]:
    """The Open Inference Protocol's own client."""
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        yield client
