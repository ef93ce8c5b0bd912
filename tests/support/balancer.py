"""nginx in front of replicas, configured by deploy/nginx."""

from __future__ import annotations

import contextlib
import getpass
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from tests.support.server import ROOT, free_port
from tests.support.waiting import wait_until

_FILES = ROOT / "deploy" / "nginx"
_RETRY = "proxy_next_upstream error timeout http_503 non_idempotent;"


@contextlib.contextmanager
def balancer(urls: Sequence[str], *, retry: bool = True) -> Iterator[str]:
    """nginx in front of the servers at ``urls``; yields its own URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # Its worker may be another user than root.
        configuration = write_configuration(Path(folder), port, urls, retry=retry)
        process = subprocess.Popen(nginx_command(configuration))
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=url) as client:
                wait_until(lambda: _answers(client))
            yield url
        finally:
            process.terminate()
            process.wait(10)


def nginx_command(configuration: Path, *options: str) -> list[str]:
    """How to run nginx in the foreground as the user we are."""
    directives = f"daemon off; user {getpass.getuser()};"
    return ["nginx", "-c", str(configuration), "-g", directives, *options]


def write_configuration(
    folder: Path, port: int, urls: Sequence[str], *, retry: bool = True
) -> Path:
    """The files of deploy/nginx with this port, these servers and ``folder`` for /tmp."""
    text = (_FILES / "nginx.conf").read_text()
    changes = {"listen 8080;": f"listen 127.0.0.1:{port};", "/tmp/": f"{folder}/"}  # noqa: S108
    if not retry:
        changes[_RETRY] = "proxy_next_upstream off;"
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    # Docker's resolver is not here, and `resolve` needs a newer nginx than Debian has.
    # Without sending again, one failure marks a server as down for the whole test: nginx would
    # otherwise try it with a client's request now and then, as often as the machine is slow.
    failures = "max_fails=0" if retry else "max_fails=1 fail_timeout=600s"
    servers = " ".join(f"server {url.removeprefix('http://')} {failures};" for url in urls)
    upstream = re.sub(r"resolver .*?;", "", (_FILES / "upstream.conf").read_text())
    upstream, found = re.subn(r"server depth:8000 resolve max_fails=0;", servers, upstream)
    assert found
    (folder / "upstream.conf").write_text(upstream)
    configuration = folder / "nginx.conf"
    configuration.write_text(text)
    return configuration


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        client.get("/livez")
        return True
    return False
