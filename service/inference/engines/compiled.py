"""What OpenVINO compiled, kept on disk: compiling is a third of the work of a start.

A file is of one graph, one configuration, one version of OpenVINO and one kind of CPU, and holds
its own SHA-256. What cannot be read or written is compiled as if there were no such folder.

OpenVINO's ``CACHE_DIR`` does the same without a checksum: one flipped byte in its file of the
embedded network was read without a word, and the map was up to 6% of its range off.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import openvino

from service.models.weights import sha256_of

_HASH_BYTES = 32
_CPU_FACTS = ("FULL_DEVICE_NAME", "DEVICE_ARCHITECTURE", "OPTIMIZATION_CAPABILITIES")


def compile_or_read(
    graph: Path, configuration: Mapping[str, object], cache_dir: Path | None
) -> openvino.CompiledModel:
    """The compiled ``graph``, from ``cache_dir`` if it is there whole; else it is left there."""
    core = openvino.Core()
    if cache_dir is None:
        return core.compile_model(graph, "CPU", configuration)
    path = cache_dir / f"compiled-{_key(core, graph, configuration)}.blob"
    kept = _read(path)
    if kept is not None:
        with contextlib.suppress(RuntimeError):
            return core.import_model(kept, "CPU", configuration)
    compiled = core.compile_model(graph, "CPU", configuration)
    with contextlib.suppress(OSError, RuntimeError):
        _write(path, compiled.export_model().getvalue())
    return compiled


def _key(core: openvino.Core, graph: Path, configuration: Mapping[str, object]) -> str:
    facts = [
        openvino.get_version(),
        *(str(core.get_property("CPU", name)) for name in _CPU_FACTS),
        repr(sorted(configuration.items())),
        *(sha256_of(file) for file in (graph, graph.with_suffix(".bin"))),
    ]
    return hashlib.sha256(" ".join(facts).encode()).hexdigest()[:16]


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    data = content[_HASH_BYTES:]
    return data if hashlib.sha256(data).digest() == content[:_HASH_BYTES] else None


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing: others may be starting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".incoming-", delete=False) as file:
        try:
            file.write(hashlib.sha256(data).digest() + data)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
