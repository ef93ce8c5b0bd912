"""Facts of the machine that a figure was measured on, kept beside every result."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service import __version__
from service.machine.cpu import cpu_budget, has_native_bf16, has_native_int8
from service.machine.memory import release_free_memory


def processor_kind() -> str:
    """What the processor is quick at; figures of two kinds differ by up to two times."""
    if has_native_bf16():
        return "bf16"
    return "int8" if has_native_int8() else "fp32"


# One kind's do not replace another's.
RESULTS = Path(__file__).parent / "results" / processor_kind()


def anonymous_bytes() -> int:
    """What this process holds that is not mapped from files, once free memory has gone back."""
    release_free_memory()
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"^RssAnon:\s+(\d+)", status, re.MULTILINE)[1])  # type: ignore[index]


def machine_facts() -> dict[str, Any]:
    """Processor, cores, versions and date."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else [])
        if line.startswith("model name")
    ]
    packages = ("torch", "openvino", "opencv-python-headless", "numpy", "pillow", "fastapi")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "cpu_budget": cpu_budget(),
        "bf16_in_hardware": has_native_bf16(),
        "python": platform.python_version(),
        "service": __version__,
        **{package: importlib.metadata.version(package) for package in packages},
    }


def write_result(name: str, figures: dict[str, Any]) -> None:
    """Write figures and machine facts to ``results/<kind of processor>/<name>.json``."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine_facts(), "figures": figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
