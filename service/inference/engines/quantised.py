"""Networks in int8: quantised once from the converted ones, kept beside them, and found again.

Quantising needs NNCF and photos to calibrate on; serving needs neither. The embedded network ships
quantised; others are by ``depth-service models prepare NAME --precision int8``. The folder is
that of a converted network, with the quantised network's own answer in its reference.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from service.inference.engines.base import EngineUnavailable, Reference
from service.inference.engines.conversion import (
    ConvertedNetwork,
    is_intact,
    made_from,
    serving_key,
    write_checksums,
)
from service.models.spec import EMBEDDED_DIR, NetworkSpec
from service.models.weights import Origin, VerifiedWeights

if TYPE_CHECKING:
    import openvino

SHIPPED_INT8 = ConvertedNetwork(EMBEDDED_DIR / "openvino_int8")
"""The embedded network as ``python -m training quantise`` left it."""

_DIFFERENCE = "difference.json"
_PREFIX = "int8-"


def find_quantised(
    spec: NetworkSpec, weights: VerifiedWeights, cache_dir: Path
) -> ConvertedNetwork:
    """The quantised network: a user's own from the cache, else the one that ships.

    Raises :class:`EngineUnavailable` where there is none, or it is damaged.
    """
    own = quantised_folder(spec, weights, cache_dir)
    if is_intact(own.folder):
        return own
    if is_intact(SHIPPED_INT8.folder) and made_from(SHIPPED_INT8) == weights.sha256:
        return SHIPPED_INT8
    ships = weights.origin is Origin.EMBEDDED
    state = "is damaged" if own.folder.is_dir() or ships else "has not been made"
    raise EngineUnavailable(
        f"its int8 graph {state}: `depth-service models prepare {spec.name} --precision int8 "
        "--calibration FOLDER`"
    )


def quantised_folder(
    spec: NetworkSpec, weights: VerifiedWeights, cache_dir: Path
) -> ConvertedNetwork:
    """Where the quantised network of these weights is, or would be."""
    return ConvertedNetwork(cache_dir / f"{_PREFIX}{serving_key(spec, weights)}")


def was_quantised(spec: NetworkSpec, cache_dir: Path) -> bool:
    """Whether the network ships quantised or anything was ever made of it here, unchecked."""
    return spec.embedded or any(cache_dir.glob(f"{_PREFIX}{spec.name}-*"))


def write_quantised(
    target: ConvertedNetwork,
    graph: openvino.Model,
    reference: Reference,
    difference: Mapping[str, float],
    **facts: str,
) -> None:
    """Write the network to ``target``, all of it or nothing; what was there before is replaced.

    ``difference`` is kept beside the graph for whoever wants to know.
    """
    import openvino

    target.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.folder.parent, prefix=".incoming-") as incoming:
        made = ConvertedNetwork(Path(incoming) / target.folder.name)
        made.folder.mkdir()
        openvino.save_model(graph, made.graph, compress_to_fp16=False)
        made.write_reference(reference)
        (made.folder / _DIFFERENCE).write_text(json.dumps(dict(difference), indent=1) + "\n")
        write_checksums(made, **facts)
        shutil.rmtree(target.folder, ignore_errors=True)
        shutil.move(made.folder, target.folder)
