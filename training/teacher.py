"""The teacher: any network file that turns a photo into relative inverse depth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13
from tqdm import tqdm

from service.imaging.transforms import Fit, InputRule
from service.models.weights import sha256_of
from service.pipeline.offline import photos_in

Image = NDArray[np.uint8]
Map = NDArray[np.float32]

_MULTIPLE = 32


class Teacher:
    """Labels photos by what it says at several sizes, each averaged with its mirror image.

    An ONNX or OpenVINO file with one input, float32 ``[1, 3, h, w]``, RGB in 0..255. At the size
    that it was trained at it knows a scene's layout; at ``details`` times as many pixels each way
    it finds edges and thin things, and loses layout. So what is broader than ``layout`` (a
    share of the label's longer side, the deviation of a Gaussian) is the first one's, and what is
    finer the mean of the others'. Structure from a small input and detail from a large one: the
    idea of Miangoleh et al., "Boosting Monocular Depth Estimation Models to High-Resolution via
    Content-Adaptive Multi-Resolution Merging" (CVPR 2021). Raises :class:`ValueError` for any
    other file, and where its graph cannot be resized.
    """

    def __init__(
        self, file: Path, layout: float = 0.15, details: Sequence[float] = (1.6, 2.0)
    ) -> None:
        self._core = ov.Core()
        self._file = file
        self._sizes: dict[tuple[int, int], ov.CompiledModel] = {}
        try:
            self._own = tuple(self._core.read_model(file).input(0).shape[-2:])
        except RuntimeError as error:
            raise ValueError(f"{file} is no network of one input of a fixed size") from error
        self._layout = layout
        own_side = (self._own[0] * self._own[1]) ** 0.5
        self._fine = [
            InputRule(target=round(own_side * detail), multiple=_MULTIPLE, fit=Fit.AREA)
            for detail in sorted(details)
        ]
        digest = hashlib.sha256(f"{layout} {sorted(details)}".encode())
        for part in (file, file.with_suffix(".bin")):
            digest.update(part.read_bytes() if part.exists() else b"")
        self.fingerprint = digest.hexdigest()[:16]
        """Changes with the network and with how its answers are merged."""

    def label(self, photo: Image) -> Map:
        """Inverse depth in 0..1 at the largest of the sizes: float32 ``(h, w)``.

        ``photo``: RGB ``(height, width, 3)``.
        """
        sizes = [rule.network_size(photo.shape[1], photo.shape[0]) for rule in self._fine]
        layout = _resized(self.own_size(photo), sizes[-1])
        fine = np.mean(
            [_fitted(_resized(self.at_size(photo, h, w), sizes[-1]), layout) for w, h in sizes],
            axis=0,
        )
        broad = cv2.GaussianBlur(layout - fine, (0, 0), self._layout * max(sizes[-1]))
        merged = fine + broad
        return np.asarray((merged - merged.min()) / max(np.ptp(merged), 1e-6), np.float32)

    def own_size(self, photo: Image) -> Map:
        """What the network says at the size in its file, whatever the photo's shape."""
        return self.at_size(photo, *self._own)

    def at_size(self, photo: Image, height: int, width: int) -> Map:
        """The mean of the answers for the photo, and for its mirror image: ``(height, width)``."""
        shrinks = height * width < photo.shape[0] * photo.shape[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(photo, (width, height), interpolation=way)
        image = resized.astype(np.float32).transpose(2, 0, 1)[None]
        network = self._compiled(height, width)
        straight = network(image)[0].reshape(height, width)
        mirrored = network(np.ascontiguousarray(image[..., ::-1]))[0].reshape(height, width)
        return np.asarray((straight + mirrored[:, ::-1]) / 2, np.float32)

    def _compiled(self, height: int, width: int) -> ov.CompiledModel:
        if (height, width) not in self._sizes:
            model = self._core.read_model(self._file)
            try:
                _set_size(model, self._own, (height, width))
            except RuntimeError as error:
                raise ValueError(
                    f"{self._file} works at its own size only: its graph cannot be resized"
                ) from error
            exact = {"INFERENCE_PRECISION_HINT": "f32"}
            self._sizes[height, width] = self._core.compile_model(model, "CPU", exact)
        return self._sizes[height, width]


def label_folder(teacher: Teacher, photos: Path, labels: Path) -> None:
    """Write a label for each photo, a float16 NPY; those already there are kept."""
    labels.mkdir(parents=True, exist_ok=True)
    for name in tqdm(list(photos_in(photos)), desc="labels", unit="photo"):
        target = label_path(labels, photos / name)
        if target.exists():
            continue
        photo = cv2.imread(str(photos / name), cv2.IMREAD_COLOR_RGB)
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


def _resized(values: Map, size: tuple[int, int]) -> Map:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _fitted(values: Map, target: Map) -> Map:
    """Scale and shift for the least squares to ``target``; what contradicts it adds nothing."""
    centred, wanted = values - values.mean(), target - target.mean()
    slope = (centred * wanted).mean() / max(float((centred**2).mean()), 1e-6)
    return np.asarray(max(float(slope), 0.0) * centred + target.mean(), np.float32)


def _set_size(model: ov.Model, own: tuple[int, ...], size: tuple[int, int]) -> None:
    """Give a convolutional network another input size.

    Exporters write sizes into the graph as constants, wherever channels are shuffled or maps
    enlarged: those are scaled along.
    """
    if own == size:
        return
    model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, 3, *size]))
    for operation in model.get_ops():
        if operation.get_type_name() not in ("Reshape", "Interpolate"):
            continue
        constant = operation.input_value(1).get_node()
        if constant.get_type_name() != "Constant" or constant.get_data().dtype.kind != "i":
            continue
        scaled = _scaled(constant.get_data().astype(np.int64), own, size)
        operation.input(1).replace_source_output(opset13.constant(scaled).output(0))
    model.validate_nodes_and_infer_types()


def _scaled(
    shape: NDArray[np.int64], own: tuple[int, ...], size: tuple[int, int]
) -> NDArray[np.int64]:
    """A shape with its last two sides, or their product where it has three, scaled along.

    Any other shape is left as it is: one whose sides are no whole fraction of the own size.
    """
    scaled = shape.copy()
    for shrink in (2**power for power in range(8)):
        at_own = np.array(own) // shrink
        at_size = np.array(size) // shrink
        if len(shape) == 3 and shape[2] == at_own.prod():
            scaled[2] = at_size.prod()
        elif len(shape) in (2, 4) and (shape[-2:] == at_own).all():
            scaled[-2:] = at_size
    return scaled
