"""The embedded network in int8: calibrated on photos of its training, judged on others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from service.evaluation.metrics import score
from service.evaluation.pairs import Pair, motorcycle, pairs_in
from service.evaluation.quantisation import Infer, Inputs, Quantised, quantise, runner
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.inference.engines.conversion import ConvertedNetwork, ensure_converted
from service.inference.engines.quantised import write_quantised
from service.inference.engines.torch_engine import reference_for
from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.pipeline.offline import photos_in
from service.settings import Settings
from training.dataset import is_held_out
from training.student import NAME

_PHOTOS = 200
_JUDGED = 100


def quantise_embedded(photos: Path, pairs: Path | None, target: ConvertedNetwork) -> dict[str, Any]:
    """Write the network that ships to ``target``; figures of it and of fp32, ready for JSON.

    ``pairs`` is a folder of photos with true depth, beside the motorcycle's. Raises
    :class:`QuantisationRefused`, and :class:`ValueError` for a folder with too few photos.
    """
    settings, spec = Settings(), find_spec(NAME)
    sizes = spec.resolutions
    assert sizes is not None  # noqa: S101 (the entry has them)
    usual = spec.at(sizes.int8)
    weights = WeightsStore(settings.weights_dir).verify(spec)
    converted = ensure_converted(spec, weights, settings.cache_dir)
    calibrated, judged = _split(photos)
    made = quantise(
        converted.graph, Inputs(calibrated, usual.input_rule), Inputs(judged, usual.input_rule)
    )
    reference = reference_for(load_network(spec, weights.path), usual.input_rule)
    write_quantised(
        target,
        made.graph,
        made.answer_to(reference),
        made.difference.figures(),
        weights=weights.sha256,
    )
    return {
        "calibrated_on": len(calibrated),
        "difference": made.difference.figures(),
        "scores": scores(spec, converted, made, pairs),
    }


def scores(
    spec: NetworkSpec, converted: ConvertedNetwork, made: Quantised, pairs: Path | None
) -> dict[str, dict[str, float]]:
    """Errors on true depth in percent, in fp32 and int8, at the official and at int8's size."""
    import openvino

    sizes = spec.resolutions
    assert sizes is not None  # noqa: S101 (the entry has them)
    engines = {
        "fp32": runner(openvino.Core().read_model(converted.graph)),
        "int8": runner(made.graph),
    }
    truths = [motorcycle()] if pairs is None else list(pairs_in(pairs, 1000))
    return {
        f"{name} at {size}": _mean_scores(spec.at(size), infer, truths)
        for size in (spec.input_rule.target, sizes.int8)
        for name, infer in engines.items()
    }


def _mean_scores(spec: NetworkSpec, infer: Infer, truths: list[Pair]) -> dict[str, float]:
    found = []
    for pair in truths:
        photo = network_input(pair.photo.read_bytes(), spec.input_rule)
        depth = to_image_size(
            infer(photo.tensor[np.newaxis])[0], photo.width, photo.height, spec.enlarge
        )
        found.append(score(DepthMap(depth, spec.kind, NAME), pair.truth))
    return {
        name: round(100 * float(np.mean([getattr(one, name) for one in found])), 2)
        for name in ("delta", "ordinal")
    }


def _order(photo: Path) -> bytes:
    return hashlib.sha256(os.fsencode(photo.name)).digest()


def _split(photos: Path) -> tuple[list[Path], list[Path]]:
    """Of those that were trained on, and of those that were not."""
    names = sorted(photos_in(photos), key=_order)
    trained = [photos / name for name in names if not is_held_out(name)]
    held_out = [photos / name for name in names if is_held_out(name)]
    if not trained or not held_out:
        raise ValueError(f"{photos}: too few photos to calibrate on some and judge by others")
    return trained[:_PHOTOS], held_out[:_JUDGED]
