"""Keys, ports and raw requests for tests of who may call."""

from __future__ import annotations

import hashlib
import socket

import httpx

from tests.support.server import ServerProcess


def key_line(name: str, key: str) -> str:
    """A line of the keys file, as any other program would compute it."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}\n"


def admin_client(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)


def answer_to(server: ServerProcess, request: bytes) -> bytes:
    """The head of the first thing that the server sends to these bytes."""
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(request)
        answer = bytearray()
        while b"\r\n\r\n" not in answer and (chunk := connection.recv(65_536)):
            answer += chunk
        return bytes(answer)
