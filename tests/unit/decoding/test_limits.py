"""What a decode process cannot do, even in the hands of its photo."""

from __future__ import annotations

import platform
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
@pytest.mark.parametrize("with_threads", [False, True], ids=["", "with threads"])
@pytest.mark.parametrize("breakout", _BREAKOUTS)
def test_a_decoder_in_the_hands_of_a_photo_cannot(breakout: str, with_threads: bool) -> None:
    assert outcome(_BREAKOUTS[breakout], with_threads) == "refused"


@pytest.mark.skipif(sys.platform != "linux", reason="system calls are filtered on Linux only")
def test_it_starts_threads_where_its_codec_needs_one_and_nothing_else_that_runs() -> None:
    thread = "import threading; t = threading.Thread(target=print, args=('ran',)); t.start()"
    assert outcome(f"{thread}; t.join()", True) == "ran"
    assert outcome(thread, False) == "refused"
    for flags in _OTHER_THAN_THREADS.values():
        call = f"import ctypes; ctypes.CDLL(None).syscall({_CLONE}, {flags}, 0, 0, 0, 0)"
        assert outcome(f"{call} == -1 and print('refused')", True) == "refused"


_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine(), -1)
_THREAD = 0x003D0F00
_OTHER_THAN_THREADS = {
    "a process": 17,
    "a process in the same memory": 0x100 | 17,
    "a thread of another name space": _THREAD | 0x40000000,
    "a thread that is not this process's": _THREAD & ~0x10000,
}


def outcome(action: str, with_threads: bool) -> str:
    """What a process prints that is locked up and then does this."""
    script = (
        "import os, resource, socket, threading, ctypes\n"
        "from service.decoding.limits import lock_up\n"
        f"lock_up(200_000_000, with_threads={with_threads})\n"
        f"try: {action}\n"
        "except (PermissionError, ValueError, MemoryError): print('refused')\n"
        "except RuntimeError: print('refused')\n"
        "except OSError as error: print('refused' if error.errno == 24 else error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr
