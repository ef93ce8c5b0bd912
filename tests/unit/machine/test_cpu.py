from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.machine.cpu import cpu_budget, has_native_bf16, has_native_int8

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


@pytest.mark.skipif(CPUS < 2, reason="needs two processors")
@pytest.mark.parametrize("limited", ["", "user.slice", "user.slice/depth.service"])
def test_the_smallest_quota_on_the_way_up_counts(tmp_path: Path, limited: str) -> None:
    """Without a container, as under systemd, /sys/fs/cgroup is everybody's root."""
    own = tmp_path / "user.slice" / "depth.service"
    own.mkdir(parents=True)
    for group in (tmp_path, own.parent, own, tmp_path / "other.slice"):
        group.mkdir(exist_ok=True)
        (group / "cpu.max").write_text("max 100000")
    (tmp_path / "other.slice" / "cpu.max").write_text("100000 100000")
    own_groups = tmp_path / "self"
    own_groups.write_text("0::/user.slice/depth.service\n")
    assert cpu_budget(tmp_path, own_groups) == CPUS
    (tmp_path / limited / "cpu.max").write_text("100000 100000")
    assert cpu_budget(tmp_path, own_groups) == 1


@pytest.mark.skipif(CPUS < 2, reason="needs two processors")
def test_a_nested_v1_quota_counts(tmp_path: Path) -> None:
    own = tmp_path / "cpu" / "depth"
    own.mkdir(parents=True)
    (own / "cpu.cfs_quota_us").write_text("50000")
    (own / "cpu.cfs_period_us").write_text("100000")
    own_groups = tmp_path / "self"
    own_groups.write_text("5:memory:/elsewhere\n4:cpu,cpuacct:/depth\n0::/\n")
    assert cpu_budget(tmp_path, own_groups) == 1


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


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("avx2 avx512f avx512_vnni", True),
        ("avx2 avx_vnni", True),
        ("amx_tile amx_int8", True),
        ("avx2 avx512f avx512_bf16", False),
        ("avx2 avx_vnni_int16", False),
    ],
)
def test_int8_is_read_from_the_cpu_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags : fpu {flags}\n")
    assert has_native_int8(cpuinfo) is expected
    assert not has_native_int8(tmp_path / "missing")
