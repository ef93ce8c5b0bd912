"""What a decode process cannot do, even in the hands of its photo."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.server import ROOT

_BREAKOUTS: dict[str, str] = {
    "reads a file": "open('/proc/version')",
    "reads a file in place of a standard one": "os.close(2); open('/proc/version')",
    "writes a file": "open('/tmp/loot', 'w')",
    "opens a socket": "socket.socket()",
    "opens a socket in place of a file": "os.close(2); socket.socket()",
    "starts a process": "os.fork()",
    "becomes another program": "os.execv('/bin/true', ['true'])",
    "kills the service": "os.kill(os.getppid(), 0)",
    "removes a file": "os.unlink('/tmp/there-is-none')",
    "raises its limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))",
    "takes memory": "bytearray(1 << 30)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="system calls are filtered on Linux only")
@pytest.mark.parametrize("breakout", _BREAKOUTS)
def test_a_decoder_in_the_hands_of_a_photo_cannot(breakout: str) -> None:
    script = (
        "import os, resource, socket\n"
        "from service.decoding.limits import lock_up\n"
        "lock_up(200_000_000)\n"
        f"try: {_BREAKOUTS[breakout]}\n"
        "except (PermissionError, ValueError, MemoryError) as error: print('refused')\n"
        "except OSError as error: print('refused' if error.errno == 24 else error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "refused", done.stderr
