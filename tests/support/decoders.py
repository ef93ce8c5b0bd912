"""The decode processes of a service, seen from outside."""

from __future__ import annotations

import os

import psutil

from tests.support.waiting import wait_until


def decoders_of(pid: int | None = None) -> list[psutil.Process]:
    """The decode processes of a service (default: of this process)."""
    return [
        child
        for child in psutil.Process(pid or os.getpid()).children()
        if "service.decoding.worker" in child.cmdline()
    ]


def wait_until_one_works(decoders: list[psutil.Process]) -> psutil.Process:
    """The first of ``decoders`` that is found busy for a tenth of a second of its CPU time."""
    before = {decoder: _cpu_seconds(decoder) for decoder in decoders}
    busy: list[psutil.Process] = []

    def one_works() -> bool:
        busy.extend(d for d in decoders if _cpu_seconds(d) > before[d] + 0.1)
        return bool(busy)

    wait_until(one_works)
    return busy[0]


def _cpu_seconds(process: psutil.Process) -> float:
    # Decoding fills fresh memory, so the kernel may book most of it as its own time.
    times = process.cpu_times()
    return float(times.user + times.system)


def wait_until_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive
