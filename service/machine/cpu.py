"""How many CPU threads this process may keep busy: the container's share, not the host's."""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_CPUINFO = Path("/proc/cpuinfo")
_BF16 = frozenset({"avx512_bf16", "amx_bf16"})
_INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


def cpu_budget(cgroup: Path = _CGROUP, own_groups: Path = _OWN_GROUPS) -> int:
    """Usable CPUs: the smaller of the scheduler affinity and the cgroup quota, at least one.

    A quota of 1.5 CPUs gives 2: one thread would leave half a CPU idle, and the kernel throttles
    the rest.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = [quota for group in _groups(cgroup, own_groups) if (quota := _quota(group))]
    return max(1, min(affinity or 1, math.ceil(min(quotas, default=affinity or 1))))


def _groups(cgroup: Path, own_groups: Path) -> list[Path]:
    """This process's cgroup and all above it; a container sees its own as the root.

    Each line of ``/proc/self/cgroup`` is ``id:controllers:path``, of version 2 ``0::path``.
    """
    try:
        lines = [line.split(":", 2) for line in own_groups.read_text().splitlines()]
    except OSError:
        lines = []
    groups = {cgroup, cgroup / "cpu"}
    for _, controllers, path in lines:
        root = cgroup if not controllers else cgroup / "cpu"
        if not controllers or "cpu" in controllers.split(","):
            own = root / path.lstrip("/")
            groups |= {group for group in (own, *own.parents) if group.is_relative_to(root)}
    return sorted(groups)


def _quota(group: Path) -> float | None:
    """CPUs granted by version 2's ``cpu.max`` or 1's ``cpu.cfs_quota_us``; None when unlimited."""
    try:
        if (limit := group / "cpu.max").exists():
            quota, period = limit.read_text().split()[:2]
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        cpus = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
    return cpus if cpus > 0 else None


def has_native_bf16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX-512 BF16 or AMX), read from Linux."""
    return not _BF16.isdisjoint(_flags(cpuinfo))


def has_native_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU adds up products of 8-bit integers in one step (VNNI or AMX).

    Without, int8 gains little and is wrong: a sum of two products is cut off at 16 bits.
    """
    return not _INT8.isdisjoint(_flags(cpuinfo))


@functools.cache
def _flags(cpuinfo: Path) -> frozenset[str]:
    try:
        return frozenset(cpuinfo.read_text().split())
    except OSError:
        return frozenset()
