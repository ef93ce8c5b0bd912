from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.machine.cpu import cpu_budget, has_native_bf16

CPUS = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [
        ("max 100000", CPUS),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("150000 100000", min(2, CPUS)),
        ("6400000 100000", CPUS),
        ("garbage", CPUS),
    ],
)
def test_cgroup_v2_quota(tmp_path: Path, cpu_max: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(cpu_max)
    assert cpu_budget(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", CPUS), ("100000", 1)])
def test_cgroup_v1_quota(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpu_budget(tmp_path) == expected


def test_without_cgroups_affinity_decides(tmp_path: Path) -> None:
    assert cpu_budget(tmp_path) == CPUS


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("avx2 avx512f avx512_bf16", True), ("amx_bf16 amx_tile", True), ("avx2 avx512f", False)],
)
def test_bf16_is_read_from_the_cpu_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags : fpu {flags}\n")
    assert has_native_bf16(cpuinfo) is expected
    assert not has_native_bf16(tmp_path / "missing")
