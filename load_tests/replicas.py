"""Throughput of 1, 2 and 4 replicas behind nginx on this machine.

    python -m load_tests.replicas [--seconds N]

Needs nginx; writes results/replicas.json. Replicas share the cores: what this shows is the price
of more processes, not the gain of more machines (docs/capacity.md has the model for that).
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from load_tests.bench import photo_file
from load_tests.client import Client, images_per_second
from load_tests.frameworks import free_port
from load_tests.machine import machine_facts, write_result
from service.inference.threads import cpu_budget
from service.settings import Settings
from tests.support.server import ServerProcess

_REPLICAS = (1, 2, 4)
_CLIENTS = 8

_NGINX = """
daemon off; user {user}; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 25m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream depth {{ least_conn; keepalive 32; {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://depth; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""


@contextlib.contextmanager
def balancer(servers: list[ServerProcess]) -> Iterator[str]:
    """Nginx in front of ``servers``; yields its URL."""
    port = free_port()
    upstreams = " ".join(f"server {server.url.removeprefix('http://')};" for server in servers)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(
            _NGINX.format(folder=folder, user=getpass.getuser(), servers=upstreams, port=port)
        )
        process = subprocess.Popen(["nginx", "-p", folder, "-c", str(config)])
        try:
            time.sleep(1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
    if shutil.which("nginx") is None:
        print("nginx is not installed: replicas were not measured")
        return
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {_CLIENTS} clients")
    figures: dict[str, object] = {}
    for count in _REPLICAS:
        threads = str(max(1, cpu_budget() // count))
        with contextlib.ExitStack() as running:
            servers = [
                running.enter_context(
                    ServerProcess(cache_dir=str(Settings().cache_dir), threads=threads)
                )
                for _ in range(count)
            ]
            url = running.enter_context(balancer(servers)) + "/predict"
            for _ in range(4 * count):
                if Client(url, photo).post().status != 200:
                    raise RuntimeError("nginx or a replica does not answer")
            rate = images_per_second(url, photo, _CLIENTS, seconds)
        print(f"{count} replicas of {threads} threads: {rate:.1f} images/s")
        figures[str(count)] = {"threads": int(threads), "images_per_second": round(rate, 1)}
    write_result("replicas", figures)


if __name__ == "__main__":
    main()
