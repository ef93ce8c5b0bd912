"""Make int8 networks of converted ones, and judge them on photos they were not calibrated on.

Quantisation after training, by NNCF (Kozlov et al., "Neural Network Compression Framework for fast
model inference", 2020): the mixed preset, with NNCF's treatment of transformers for networks with
attention.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from service.errors import DepthError
from service.evaluation.metrics import order_error
from service.imaging.network_input import network_input
from service.imaging.transforms import DepthArray, InputRule, Tensor
from service.inference.engines.base import Reference, is_installed, parity_of
from service.machine.cpu import cpu_budget
from service.pipeline.offline import photos_in

if TYPE_CHECKING:
    import openvino

logger = logging.getLogger(__name__)

REFUSED = 0.03
"""A mean difference from fp32 that is too large, as a share of the range."""
WARNED = 0.015

_MOST_CALIBRATED, _MOST_JUDGED = 200, 20
_FEWEST = 5
_JUDGED_SHARE = 5
# Layers are ranked by so many photos, each of them once a layer, and so many may stay in float.
_RANKED = 4
_MOST_KEPT = 8
_ATTENTION = {"Softmax", "ScaledDotProductAttention"}

TAKING_IN = r".*\breduce\.\d+/.*Convolution"
"""Convolutions that take in what attention has made: they stay in float.

In 8 bits they do most of the harm: Depth Anything with random weights is off by 12.6% of its range,
and by 1.6% without them. They are a fiftieth of its work
(:class:`service.networks.refinenet.DepthNetwork`).
"""

Infer = Callable[[Tensor], DepthArray]


class QuantisationRefused(Exception):
    """The network in int8 would be too far from itself; what was found is in the message."""


@dataclass(frozen=True)
class Difference:
    """How far int8 is from fp32.

    ``mean`` is of the photos' mean differences, as shares (0..1) of each fp32 map's range,
    ``worst`` the largest of them. ``order`` is the share of point pairs ordered otherwise.
    """

    photos: int
    mean: float
    worst: float
    order: float

    def __str__(self) -> str:
        return (
            f"{100 * self.mean:.2f}% of the range from fp32 on average, {100 * self.worst:.2f}% on "
            f"the worst of {self.photos} photos it was not calibrated on; "
            f"{100 * self.order:.2f}% of point pairs ordered otherwise"
        )

    def figures(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class CalibrationPhotos:
    """Files to calibrate on, and others to judge by."""

    calibrated: tuple[Path, ...]
    judged: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> CalibrationPhotos:
        """A fifth of the folder's photos, at most 20, judges; of the others up to 200 calibrate.

        Which, the hash of a photo's name says. Raises :class:`ValueError` for fewer than five.
        """
        found = sorted(photos_in(folder), key=_order)
        if len(found) < _FEWEST:
            raise ValueError(f"{folder}: {len(found)} photos, at least {_FEWEST} are needed")
        judged = min(_MOST_JUDGED, len(found) // _JUDGED_SHARE)
        paths = [folder / path for path in found]
        return cls(tuple(paths[judged : judged + _MOST_CALIBRATED]), tuple(paths[:judged]))


class Inputs:
    """Network inputs ``(1, 3, h, w)`` of photos, each made anew when it is asked for.

    200 at once would take a gigabyte. Raises :class:`ValueError` for a file that is no photo.
    """

    def __init__(self, photos: Sequence[Path], rule: InputRule) -> None:
        self._photos = photos
        self._rule = rule

    def __len__(self) -> int:
        return len(self._photos)

    def __iter__(self) -> Iterator[Tensor]:
        for photo in self._photos:
            try:
                found = network_input(photo.read_bytes(), self._rule, scaled_decode=True)
            except DepthError as error:
                raise ValueError(f"{photo}: {error.detail}") from error
            yield found.tensor[np.newaxis]

    def first(self, count: int) -> Inputs:
        """Those of the first photos."""
        return Inputs(self._photos[:count], self._rule)


def quantise(graph: Path, calibrated: Inputs, judged: Inputs) -> Quantised:
    """The network of ``graph`` in int8.

    Where it differs by more than :data:`WARNED`, the layers that are most to blame stay in float,
    if that helps. Raises :class:`QuantisationRefused` where it differs by more than
    :data:`REFUSED`, and :class:`ValueError` where NNCF is not installed.
    """
    if not is_installed("nncf"):
        raise ValueError("Quantising needs NNCF: pip install '.[int8]'.")
    import openvino

    model = openvino.Core().read_model(graph)
    exact = runner(model)
    made = Quantised.judged(quantised(model, calibrated), exact, judged)
    if made.difference.mean > WARNED:
        logger.warning("int8 is %s: looking for layers to keep in float", made.difference)
        mended = _with_layers_in_float(model, exact, calibrated)
        made = min(
            made, Quantised.judged(mended, exact, judged), key=lambda one: one.difference.mean
        )
    if made.difference.mean > REFUSED:
        raise QuantisationRefused(f"int8 is refused: {made.difference}.")
    if made.difference.mean > WARNED:
        logger.warning("int8 is %s", made.difference)
    return made


def quantised(model: openvino.Model, calibrated: Inputs) -> openvino.Model:
    """``model`` in int8 as the calibration has it, whatever comes of it."""
    nncf = _nncf()

    return nncf.quantize(
        model, nncf.Dataset(calibrated), subset_size=len(calibrated), **_kind(model)
    )


@dataclass(frozen=True)
class Quantised:
    """A quantised network, and how far it is from the one it was made of."""

    graph: openvino.Model
    difference: Difference

    @classmethod
    def judged(cls, graph: openvino.Model, exact: Infer, inputs: Inputs) -> Quantised:
        """Measure ``graph``."""
        return cls(graph, difference(runner(graph), exact, inputs))

    def answer_to(self, reference: Reference) -> Reference:
        """The same reference with the quantised network's own answer."""
        return replace(reference, own=runner(self.graph)(reference.tensor))


def difference(infer: Infer, exact: Infer, inputs: Iterable[Tensor]) -> Difference:
    """Compare two networks' answers for the same inputs."""
    means, orders = [], []
    for batch in inputs:
        depth, expected = infer(batch), exact(batch)
        means.append(parity_of(depth, expected).mean)
        orders.append(order_error(depth, expected))
    return Difference(len(means), float(np.mean(means)), max(means), float(np.mean(orders)))


def runner(graph: openvino.Model) -> Infer:
    """A graph in memory ready to run, what is float in it in fp32."""
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": cpu_budget()}
    request = openvino.Core().compile_model(graph, "CPU", options).create_infer_request()
    return lambda batch: np.array(request.infer({0: batch})[0])


def _with_layers_in_float(
    model: openvino.Model, exact: Infer, calibrated: Inputs
) -> openvino.Model:
    nncf = _nncf()

    def agreement(
        compiled: openvino.CompiledModel, photos: Iterable[Tensor]
    ) -> tuple[float, list[float]]:
        means = [parity_of(np.array(compiled(one)[0]), exact(one)).mean for one in photos]
        return 1 - float(np.mean(means)), [1 - mean for mean in means]

    return nncf.quantize_with_accuracy_control(
        model,
        calibration_dataset=nncf.Dataset(calibrated),
        validation_dataset=nncf.Dataset(calibrated.first(_RANKED)),
        validation_fn=agreement,
        max_drop=WARNED,
        drop_type=nncf.DropType.ABSOLUTE,
        subset_size=len(calibrated),
        advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
            max_num_iterations=_MOST_KEPT, ranking_subset_size=min(_RANKED, len(calibrated))
        ),
        **_kind(model),
    )


def _nncf() -> ModuleType:
    """The library, which would else send statistics of its use."""
    os.environ.setdefault("NNCF_CI", "1")
    return importlib.import_module("nncf")


def _kind(model: openvino.Model) -> dict[str, Any]:
    nncf = _nncf()

    attention = any(node.get_type_name() in _ATTENTION for node in model.get_ops())
    if not attention:
        return {"preset": nncf.QuantizationPreset.MIXED}
    return {
        "preset": nncf.QuantizationPreset.MIXED,
        "model_type": nncf.ModelType.TRANSFORMER,
        "ignored_scope": nncf.IgnoredScope(patterns=[TAKING_IN], validate=False),
    }


def _order(photo: Path) -> bytes:
    return hashlib.sha256(os.fsencode(photo.as_posix())).digest()
