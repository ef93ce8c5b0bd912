"""Convert a network from torch to OpenVINO once, and keep the result on disk.

Converting needs torch, timm and several seconds; serving needs neither. So a child process
converts, writes the OpenVINO graph together with torch's answer for the sample photo, and the
server loads both: it starts in a second, without torch in memory, and still checks its engine
against torch. The folder's name is made of what the result depends on: weights, our sources and
the versions of the packages. Where torch is not installed at all, a network converted elsewhere
by the same sources serves (such a folder need not be writable), or else the embedded one as the
package ships it: converted, with constants in half precision.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.metadata
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from service.errors import WeightsError
from service.inference.engines.base import EngineUnavailable, Reference, is_installed
from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR, SAMPLE_PHOTO, NetworkSpec
from service.models.weights import VerifiedWeights, sha256_of

logger = logging.getLogger(__name__)

_GRAPH, _CONSTANTS, _REFERENCE, _CHECKSUMS = (
    "network.xml",
    "network.bin",
    "reference.npz",
    "checksums.json",
)
_CONVERSION_TIMEOUT_SECONDS = 600
_CONVERTERS = ("torch", "timm")
# Modules of imaging/ that turn the sample photo into the network's input.
_FEEDING = ("border.py", "network_input.py", "transforms.py")
_PACKAGES = ("openvino", "numpy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class ConvertedNetwork:
    """A converted network on disk; its checksums have been verified."""

    folder: Path

    @property
    def graph(self) -> Path:
        """The OpenVINO graph; its constants lie beside it."""
        return self.folder / _GRAPH

    @property
    def reference_file(self) -> Path:
        """Torch fp32's answer for the sample photo, computed at conversion."""
        return self.folder / _REFERENCE

    def reference(self) -> Reference:
        """The contents of ``reference_file``."""
        with np.load(self.reference_file, allow_pickle=False) as arrays:
            return Reference(**{name: arrays[name] for name in arrays.files})

    def write_reference(self, reference: Reference) -> None:
        """Write ``reference_file``; an answer that is None is left out."""
        arrays = {name: value for name, value in vars(reference).items() if value is not None}
        with self.reference_file.open("wb") as file:
            np.savez(file, **arrays)


SHIPPED = ConvertedNetwork(EMBEDDED_DIR / "openvino")
"""The embedded network as ``python -m training.ship`` left it."""


def ensure_converted(
    spec: NetworkSpec, weights: VerifiedWeights, cache_dir: Path
) -> ConvertedNetwork:
    """As :func:`keep_converted`; in a temporary folder on hosts whose cache cannot be written."""
    try:
        return keep_converted(spec, weights, cache_dir)
    except OSError as error:
        logger.warning("the cache folder cannot be written; using a temporary one: %s", error)
    try:
        return keep_converted(spec, weights, _temporary_cache())
    except OSError as error:
        raise EngineUnavailable(f"conversion for OpenVINO failed: {error}") from error


def keep_converted(
    spec: NetworkSpec, weights: VerifiedWeights, cache_dir: Path
) -> ConvertedNetwork:
    """The converted network from the cache, converting first where it is missing or damaged.

    Blocks for seconds when it converts. Raises :class:`WeightsError` if the weights do not fit,
    :class:`EngineUnavailable` if the conversion fails or torch, which it needs, is not installed,
    :class:`OSError` where it must convert and the cache cannot be written.
    """
    if not is_installed("torch"):
        return _converted_elsewhere(spec, weights, cache_dir)
    converted = ConvertedNetwork(cache_dir / _cache_key(spec, weights))
    if is_intact(converted.folder):
        return converted
    check_writable(cache_dir)
    with FileLock(cache_dir / f"{spec.name}.lock"):
        if not is_intact(converted.folder):
            logger.info("converting %s for OpenVINO, once", spec.name)
            shutil.rmtree(converted.folder, ignore_errors=True)
            prefix = f".incoming-{spec.name}-"
            # Of conversions that were killed; nobody else is at one of this network.
            for left in cache_dir.glob(f"{prefix}*"):
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache_dir, prefix=prefix) as incoming:
                _convert_in_child(spec, weights, Path(incoming))
                shutil.move(Path(incoming) / spec.name, converted.folder)
    return converted


def check_writable(cache_dir: Path) -> None:
    """Make the folder where it is missing; raise :class:`OSError` if nothing can be kept there."""
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache_dir):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(cache_dir)) from error


def _converted_elsewhere(
    spec: NetworkSpec, weights: VerifiedWeights, cache_dir: Path
) -> ConvertedNetwork:
    for folder in sorted(cache_dir.glob(f"{serving_key(spec, weights)}-*")):
        if is_intact(folder):
            return ConvertedNetwork(folder)
    if is_intact(SHIPPED.folder) and made_from(SHIPPED) == weights.sha256:
        return SHIPPED
    raise EngineUnavailable("it has not been converted, and torch is not installed to do it")


def made_from(shipped: ConvertedNetwork) -> str:
    """SHA-256 of the weights from which a network that ships was converted."""
    sha256: str = json.loads((shipped.folder / _CHECKSUMS).read_text())["weights"]
    return sha256


def write_checksums(converted: ConvertedNetwork, **facts: str) -> None:
    """Write down the files' SHA-256, and what else is known of them."""
    folder = converted.folder
    checksums = {name: sha256_of(folder / name) for name in (_GRAPH, _CONSTANTS, _REFERENCE)}
    (folder / _CHECKSUMS).write_text(json.dumps(checksums | facts, indent=1) + "\n")


@functools.cache
def _temporary_cache() -> Path:
    # Private to this process: in a folder of a known name others could leave a network of theirs.
    folder = tempfile.mkdtemp(prefix="depth-service-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _cache_key(spec: NetworkSpec, weights: VerifiedWeights) -> str:
    return f"{serving_key(spec, weights)}-{_digest(_versions(_CONVERTERS))}"


def serving_key(spec: NetworkSpec, weights: VerifiedWeights) -> str:
    """What a server without torch knows, too."""
    parts = [
        spec.builder,
        repr(sorted(spec.options.items())),
        repr(spec.input_rule),
        weights.sha256,
        sha256_of(SAMPLE_PHOTO),
        *_versions(_PACKAGES),
    ]
    parts += [sha256_of(source) for source in _sources()]
    return f"{spec.name}-{_digest(parts)}"


def _versions(packages: tuple[str, ...]) -> list[str]:
    return [f"{name} {importlib.metadata.version(name)}" for name in packages]


def _digest(parts: list[str]) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _sources() -> list[Path]:
    """Our code that builds, loads, feeds or converts a network."""
    package, here = Path(__file__).parents[2], Path(__file__)
    makers = [here, here.with_name("torch_engine.py"), package / "models" / "checkpoint.py"]
    feeders = [package / "imaging" / name for name in _FEEDING]
    return sorted([*package.glob("networks/*.py"), *makers, *feeders])


def is_intact(folder: Path) -> bool:
    """Whether a converted network is there whole, by its checksums."""
    try:
        checksums = json.loads((folder / _CHECKSUMS).read_text())
        return all(
            sha256_of(folder / name) == checksums[name] for name in (_GRAPH, _CONSTANTS, _REFERENCE)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _convert_in_child(spec: NetworkSpec, weights: VerifiedWeights, folder: Path) -> None:
    of_weights = [str(weights.path), weights.sha256]
    command = [sys.executable, "-m", __name__, spec.name, *of_weights, str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            command,
            capture_output=True,
            text=True,
            timeout=_CONVERSION_TIMEOUT_SECONDS,
            check=False,
            cwd=Path(__file__).parents[3],
        )
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailable(f"conversion for OpenVINO failed: {error}") from error
    if done.returncode == 0:
        return
    last_line = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if last_line.startswith(_WEIGHTS_ERROR_MARK):
        raise WeightsError(last_line.removeprefix(_WEIGHTS_ERROR_MARK))
    logger.error("conversion of %s failed:\n%s", spec.name, done.stderr)
    raise EngineUnavailable(f"conversion for OpenVINO failed: {last_line}")


_WEIGHTS_ERROR_MARK = "WeightsError: "


def _convert(spec: NetworkSpec, weights_path: Path, sha256: str, folder: Path) -> None:
    """Write the converted network into ``folder``; runs in the child process.

    The folder is named after the hash, so what is converted must have it.
    """
    import openvino
    import torch
    from openvino._offline_transformations import apply_moc_transformations
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    from service.inference.engines.torch_engine import reference_for
    from service.models.checkpoint import load_network
    from service.networks.layer_scale import fold_layer_scales

    network = load_network(spec, weights_path, sha256)
    reference = reference_for(network, spec.input_rule)
    fold_layer_scales(network)
    example = torch.from_numpy(reference.tensor)
    with warnings.catch_warnings(), torch.inference_mode():
        # torch.jit.trace is deprecated, yet it converts 5 times faster here than torch.export.
        warnings.simplefilter("ignore")
        scripted = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call]
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(scripted, example_input=(example,))
    model = frontend.convert(frontend.load(decoder))
    model.reshape(openvino.PartialShape([-1, 3, -1, -1]))
    model.validate_nodes_and_infer_types()
    # Folds the batch norms into the weights, as openvino.convert_model does (which also collects
    # statistics of its use). Done when a network is loaded, its weights would no longer be those
    # of the file, which is mapped, but a copy in memory.
    apply_moc_transformations(model, cf=True)

    folder.mkdir()
    openvino.save_model(model, folder / _GRAPH, compress_to_fp16=False)
    converted = ConvertedNetwork(folder)
    converted.write_reference(reference)
    write_checksums(converted)


def _main() -> None:
    name, weights_path, sha256, folder = sys.argv[1:]
    spec = find_spec(name)
    try:
        _convert(spec, Path(weights_path), sha256, Path(folder) / spec.name)
    except WeightsError as error:
        # One line on standard error carries the reason to the parent.
        message = " ".join(str(error).split())
        sys.exit(f"{_WEIGHTS_ERROR_MARK}{message}")


if __name__ == "__main__":
    _main()
