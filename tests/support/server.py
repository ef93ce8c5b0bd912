"""A real server in a process of its own, on 127.0.0.1 and a free port."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

import httpx

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_RUNNING = re.compile(r"\blistening on http://\S+:(\d+)")
_START_SECONDS = 120


def service_env(settings: dict[str, str]) -> dict[str, str]:
    """The environment without any DEPTH_ variable but ``settings`` (``home`` sets HOME).

    The embedded network answers by default, whatever is installed on this machine.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DEPTH_")}
    return inherited | {
        "HOME" if name == "home" else f"DEPTH_{name.upper()}": value
        for name, value in ({"model": "depth_lite_256"} | settings).items()
    }


def run_service(
    *arguments: str, module: str = "service", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m service``, or ``module`` in its place, to its end."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=service_env(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class ServerProcess:
    """``python -m service serve`` as a context manager.

    ``module`` runs in place of ``service``; ``port`` 0 is a free one.
    """

    def __init__(self, *, module: str = "service", port: str = "0", **settings: str) -> None:
        # A file, not a pipe: nobody has to read it for the server to go on.
        self._log = tempfile.NamedTemporaryFile("w+", suffix=".log")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--port", port],
            env=service_env(settings),
            cwd=ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.url = f"http://127.0.0.1:{self._wait_for_port()}"
        self.client = httpx.Client(base_url=self.url, timeout=60)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for whoever talks to its socket."""
        url = httpx.URL(self.url)
        return url.host, url.port or 80

    def log(self) -> str:
        return Path(self._log.name).read_text()

    def metric(self, name: str, **labels: str) -> float:
        """The value of one series at /metrics; 0 if it is not there."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in self.client.get("/metrics").text.splitlines():
            series, _, value = line.rpartition(" ")
            found, _, rest = series.partition("{")
            if found == name and wanted <= set(rest.rstrip("}").split(",")):
                return float(value)
        return 0.0

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()
        self._log.close()

    def _wait_for_port(self) -> int:
        def is_settled() -> bool:
            return bool(_RUNNING.search(self.log())) or self.process.poll() is not None

        wait_until(is_settled, _START_SECONDS)
        running = _RUNNING.search(self.log())
        assert running, f"the server did not start:\n{self.log()}"
        return int(running[1])
