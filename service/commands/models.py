"""``models``: list, pull, add, verify and prepare networks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from service.commands.failing import fail
from service.errors import WeightsError
from service.evaluation.quantisation import (
    CalibrationPhotos,
    Inputs,
    QuantisationRefused,
    quantise,
)
from service.inference.engines.base import EngineUnavailable, is_installed
from service.inference.engines.conversion import (
    ConvertedNetwork,
    check_writable,
    keep_converted,
)
from service.inference.engines.quantised import (
    find_quantised,
    quantised_folder,
    write_quantised,
)
from service.models.download import pull
from service.models.registry import SPECS, find_spec
from service.models.served_networks import DEMO, EMBEDDED, ServedNetworks
from service.models.spec import NetworkSpec
from service.models.weights import Origin, VerifiedWeights, WeightsStore
from service.settings import AUTO_MODEL, EngineChoice, Precision, Settings

# 86 MB at a slow line's 1.5 MB per second.
_DEMO_SECONDS = 60


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``models``."""
    parser = subparsers.add_parser("models", help="list, pull, add, verify or prepare networks")
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("list", help="show all networks").set_defaults(run=_list)

    pull_parser = commands.add_parser("pull", help="fetch official weights and check their hash")
    pull_parser.add_argument(
        "name",
        choices=[*SPECS, AUTO_MODEL],
        help=f"auto: {DEMO}, which DEPTH_MODEL=auto takes; not to get it is no failure",
    )
    pull_parser.set_defaults(run=_pull)

    add = commands.add_parser("add", help="install a local weights file (air-gapped hosts)")
    add.add_argument("name", choices=list(SPECS))
    add.add_argument("--file", type=Path, required=True)
    add.add_argument(
        "--trust", action="store_true", help="accept weights of your own and record their hash"
    )
    add.set_defaults(run=_add)

    verify = commands.add_parser("verify", help="check hashes and load strictly")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all installed")
    verify.set_defaults(run=_verify)

    prepare = commands.add_parser("prepare", help="convert for OpenVINO ahead of the first start")
    prepare.add_argument("names", nargs="*", metavar="NAME", help="default: DEPTH_MODEL")
    prepare.add_argument(
        "--precision",
        type=Precision,
        choices=list(Precision),
        help="default: DEPTH_PRECISION; int8 is made with --calibration",
    )
    prepare.add_argument(
        "--calibration",
        type=Path,
        metavar="FOLDER",
        help="photos like those to come, at best 200 or more: quantise to int8 by them",
    )
    prepare.set_defaults(run=_prepare)


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    store = WeightsStore(settings.weights_dir)
    by_default = ServedNetworks.of(settings).default
    for spec in SPECS.values():
        state = store.origin(spec) or "not installed"
        default = "  (default)" if spec.name == by_default else ""
        print(f"{spec.name:22} {state:14} {spec.parameters / 1e6:5.1f} M  {spec.licence}{default}")
        print(f"{'':22} {spec.title}")
    return 0


def _pull(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.name == AUTO_MODEL:
        return _pull_demo(settings)
    spec = find_spec(arguments.name)
    weights = pull(spec, WeightsStore(settings.weights_dir), mirror=settings.weights_mirror)
    _print_weights(spec, weights)
    return 0


def _pull_demo(settings: Settings) -> int:
    """Try for a bounded time; what that means is said in one line, and the service does without."""
    spec, store = find_spec(DEMO), WeightsStore(settings.weights_dir)
    if store.origin(spec) is not None:
        print(f"{spec.name} is installed.")
        return 0
    try:
        pull(spec, store, mirror=settings.weights_mirror, progress=False, seconds=_DEMO_SECONDS)
    except WeightsError:
        print(
            f"{spec.name}, the demo's network, cannot be fetched now: {EMBEDDED}, which ships in "
            f"the package, answers instead. Later: `depth-service models pull {spec.name}`."
        )
    else:
        print(f"{spec.name}, the demo's network, is installed and answers by default.")
    return 0


def _add(arguments: argparse.Namespace, settings: Settings) -> int:
    spec = find_spec(arguments.name)
    store = WeightsStore(settings.weights_dir)
    if not arguments.file.is_file():
        raise WeightsError(f"There is no file {arguments.file}.")
    if arguments.trust:
        from service.models.checkpoint import load_network

        load_network(spec, arguments.file)
        weights = store.install_custom(spec, arguments.file)
    else:
        weights = store.install_official(spec, arguments.file)
    _print_weights(spec, weights)
    return 0


def _verify(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.models.checkpoint import load_network

    store = WeightsStore(settings.weights_dir)
    failed = False
    for spec in _named(arguments.names, settings) or filter(store.origin, SPECS.values()):
        try:
            weights = store.verify(spec)
            load_network(spec, weights.path, weights.sha256)
        except WeightsError as error:
            failed = True
            print(error, file=sys.stderr)
        else:
            _print_weights(spec, weights)
    return 1 if failed else 0


def _prepare(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.inference.engines.selection import load_for_serving

    asked = arguments.precision or settings.precision
    settings = settings.model_copy(update={"precision": asked})
    if arguments.calibration is not None and asked is not Precision.INT8:
        return fail("--calibration is for --precision int8")
    for spec in _named(arguments.names or [AUTO_MODEL], settings):
        try:
            _keep(spec, arguments.calibration, settings)
        except (ValueError, QuantisationRefused, EngineUnavailable) as error:
            return fail(f"{spec.name}: {error}")
        network = load_for_serving(spec, settings)
        print(
            f"{spec.name}: {network.engine.name} {network.engine.precision}, "
            f"{100 * network.parity.mean:.4f}% of the range from torch fp32"
        )
    return 0


def _keep(spec: NetworkSpec, photos: Path | None, settings: Settings) -> None:
    """Have in the cache what a start takes from there on any processor: images are moved."""
    from service.inference.engines.selection import loadable_weights

    weights = loadable_weights(spec, settings)
    if photos is not None:
        # Before the work of minutes rather than after it.
        check_writable(settings.cache_dir)
    elif settings.engine is EngineChoice.TORCH or not is_installed("openvino"):
        return
    converted = keep_converted(spec, weights, settings.cache_dir)
    if photos is not None:
        target = quantised_folder(spec, weights, settings.cache_dir)
        _quantise(spec, converted, photos, target)
    elif settings.precision is Precision.INT8:
        find_quantised(spec, weights, settings.cache_dir)


def _quantise(
    spec: NetworkSpec, converted: ConvertedNetwork, photos: Path, target: ConvertedNetwork
) -> None:
    """Keep ``spec`` in int8, and say how far it is from fp32."""
    found = CalibrationPhotos.of(photos)
    rule = spec.input_rule
    made = quantise(converted.graph, Inputs(found.calibrated, rule), Inputs(found.judged, rule))
    reference = made.answer_to(converted.reference())
    write_quantised(target, made.graph, reference, made.difference.figures())
    print(f"{spec.name}: int8 is {made.difference}")


def _named(names: Iterable[str], settings: Settings) -> list[NetworkSpec]:
    """The networks of these names, each once; ``auto`` is the one that answers by default."""
    default = ServedNetworks.of(settings).default
    return [
        find_spec(name)
        for name in dict.fromkeys(default if name == AUTO_MODEL else name for name in names)
    ]


_NOTES = {
    Origin.CUSTOM: "  (your own weights, not the official ones)",
    Origin.FIRST_USE: "  (as first pulled; the official hash is not published)",
}


def _print_weights(spec: NetworkSpec, weights: VerifiedWeights) -> None:
    note = _NOTES.get(weights.origin, "")
    print(f"{spec.name}: {weights.origin}, SHA-256 {weights.sha256}{note}")
