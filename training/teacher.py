"""The teacher: networks that turn a photo of any size into relative inverse depth, as one."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from service.evaluation.pictures import read_picture
from service.imaging.transforms import Fit, InputRule
from service.models.weights import sha256_of
from service.pipeline.offline import photos_in
from training.student import from_weights

Image = NDArray[np.uint8]
Map = NDArray[np.float32]

_MULTIPLE = 32
_OWN_WEIGHTS = ".safetensors"
# Of a network; each keeps its intermediate maps, 30 MB on average.
_SIZES_KEPT = 40


@dataclass(frozen=True)
class Merging:
    """Which sizes say what of a label: sides, in pixels, of squares of the inputs' areas.

    ``layout`` are sizes near those that networks were trained at: the mean of what they say there
    is right at large. ``details`` are larger ones, which find edges and thin things and lose
    layout; only what is finer than a Gaussian of ``sigma`` (a share of the label's longer side) is
    taken from them. Structure from small inputs and detail from large ones: the idea of Miangoleh
    et al., "Boosting Monocular Depth Estimation Models to High-Resolution via Content-Adaptive
    Multi-Resolution Merging" (CVPR 2021).
    """

    layout: tuple[int, ...] = (192, 256, 384)
    details: tuple[int, ...] = (448, 608)
    sigma: float = 0.03

    def __post_init__(self) -> None:
        if min(self.layout + self.details) < _MULTIPLE or not 0 < self.sigma < 1:
            raise ValueError(f"sizes are at least {_MULTIPLE} pixels, and sigma is between 0 and 1")


class Teacher:
    """Labels photos by what networks say at several sizes, each averaged with its mirror image.

    Each file is an ONNX or OpenVINO network with one input, float32 ``[1, 3, h, w]`` of any
    multiples of 32, RGB in 0..255; or weights of the embedded network, which then teaches what it
    knows already. Where there are several, a label is their mean. Raises :class:`ValueError` for
    any other file.
    """

    def __init__(self, files: Sequence[Path], merging: Merging | None = None) -> None:
        self._merging = merging or Merging()
        core = ov.Core()
        self._voices = [_Voice(core, file) for file in files]
        digest = hashlib.sha256(repr(astuple(self._merging)).encode())
        for file in files:
            for part in (file, file.with_suffix(".bin")):
                digest.update(part.read_bytes() if part.exists() else b"")
        self.fingerprint = digest.hexdigest()[:16]
        """Changes with the networks and with how their answers are merged."""

    def label(self, photo: Image) -> Map:
        """Inverse depth in 0..1 at the largest of the sizes: float32 ``(h, w)``.

        ``photo``: RGB ``(height, width, 3)``.
        """
        size = _network_size(photo, max(self._merging.details))
        layout = self._mean(photo, self._merging.layout, size)
        fine = self._mean(photo, self._merging.details, size)
        broad = cv2.GaussianBlur(layout - fine, (0, 0), self._merging.sigma * max(size))
        return _in_range(fine + broad)

    def layout(self, photo: Image) -> Map:
        """What the networks say at the smaller sizes alone: the same range and kind of map."""
        sizes = self._merging.layout
        return _in_range(self._mean(photo, sizes, _network_size(photo, max(sizes))))

    def at_size(self, voice: int, photo: Image, side: int) -> Map:
        """The mean of one network's answers for the photo, and for its mirror image: ``(h, w)``."""
        width, height = _network_size(photo, side)
        shrinks = height * width < photo.shape[0] * photo.shape[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(photo, (width, height), interpolation=way)
        image = resized.astype(np.float32).transpose(2, 0, 1)[None]
        network = self._voices[voice]
        straight = network(image)
        mirrored = network(np.ascontiguousarray(image[..., ::-1]))
        return np.asarray((straight + mirrored[:, ::-1]) / 2, np.float32)

    def _mean(self, photo: Image, sides: Sequence[int], size: tuple[int, int]) -> Map:
        """Of all networks at all sizes; scale and shift of none of them mean anything."""
        answers = [
            _resized(_standard(self.at_size(voice, photo, side)), size)
            for voice in range(len(self._voices))
            for side in sides
        ]
        return np.asarray(np.mean(answers, axis=0), np.float32)


class _Embedded(nn.Module):
    """The embedded network, rectified, with the input of a teacher."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.student = from_weights(weights).eval()

    def forward(self, image: Tensor) -> Tensor:
        depth: Tensor = self.student(image / 255).relu()
        return depth


def label_folder(teacher: Teacher, photos: Path, labels: Path) -> None:
    """Write a label for each photo, a float16 NPY; those already there are kept."""
    labels.mkdir(parents=True, exist_ok=True)
    for name in tqdm(list(photos_in(photos)), desc="labels", unit="photo"):
        target = label_path(labels, photos / name)
        if target.exists():
            continue
        photo = read_picture(photos / name, cv2.IMREAD_COLOR_RGB)
        if photo is None:
            tqdm.write(f"{name} cannot be decoded, so it is left out")
            continue
        write_label(target, teacher.label(np.asarray(photo, np.uint8)).astype(np.float16))


def write_label(target: Path, label: NDArray[np.floating]) -> None:
    """Write an NPY file that is whole whenever it is there: those there are kept."""
    unfinished = target.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, label)
    unfinished.replace(target)


def label_path(labels: Path, photo: Path) -> Path:
    """Where the label of a photo is: told by the photo's bytes, so that it is of no other photo."""
    return labels / f"{sha256_of(photo)[:16]}.npy"


class _Voice:
    """One network, compiled anew for each size: that costs less than one that takes any.

    The embedded network is converted when it is first asked, once a process: who trains asks for
    its labels' name alone.
    """

    def __init__(self, core: ov.Core, file: Path) -> None:
        self._core = core
        self._precision = "f32"
        self._at = lru_cache(_SIZES_KEPT)(self._compiled)
        if file.suffix == _OWN_WEIGHTS:
            from_weights(file)  # Raises for others, before there is anything to label.
            digest = sha256_of(file)
            self._model: Callable[[], ov.Model] = lambda: _converted(file, digest)
            # It was trained in it; its answers move by 0.2 % of their range.
            self._precision = "bf16"
            return
        try:
            model = core.read_model(file)
            (shape,) = (put.partial_shape for put in model.inputs)
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{file} is no network of one input") from error
        if shape.rank.get_length() != 4 or shape[2].is_static or shape[3].is_static:
            raise ValueError(f"{file} takes one size only: export it with free height and width")
        self._model = lambda: model

    def __call__(self, image: NDArray[np.float32]) -> Map:
        """``image`` is ``(1, 3, h, w)``, the answer ``(h, w)``."""
        height, width = image.shape[2:]
        answer: Map = self._at(height, width)(image)[0]
        return answer.reshape(height, width)

    def _compiled(self, height: int, width: int) -> ov.CompiledModel:
        model = self._model().clone()
        model.reshape([1, 3, height, width])
        hint = {"INFERENCE_PRECISION_HINT": self._precision}
        return self._core.compile_model(model, "CPU", hint)


@lru_cache(1)
def _converted(file: Path, digest: str) -> ov.Model:
    """``digest`` tells the file from another of its name."""
    with warnings.catch_warnings():
        # OpenVINO converts by torch.jit.trace, which is deprecated.
        warnings.simplefilter("ignore")
        return ov.convert_model(
            _Embedded(file),
            example_input=torch.zeros(1, 3, 64, 96),
            input=ov.PartialShape([1, 3, -1, -1]),
        )


def _network_size(photo: Image, side: int) -> tuple[int, int]:
    """``(width, height)`` of the photo's shape, multiples of 32."""
    height, width = photo.shape[:2]
    rule = InputRule(target=side, multiple=_MULTIPLE, fit=Fit.AREA)
    return rule.network_size(width, height)


def _standard(values: Map) -> Map:
    centred = values - np.median(values)
    return np.asarray(centred / max(float(np.abs(centred).mean()), 1e-6), np.float32)


def _in_range(values: Map) -> Map:
    return np.asarray((values - values.min()) / max(np.ptp(values), 1e-6), np.float32)


def _resized(values: Map, size: tuple[int, int]) -> Map:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_CUBIC), np.float32)
