"""``doctor``: say what this machine can do and whether the service would start."""

from __future__ import annotations

import importlib.metadata
import platform

from service import __version__
from service.commands.failing import fail
from service.commands.serve import CannotServe, app_as_told
from service.inference.engines.selection import load_for_serving
from service.machine.cpu import cpu_budget, has_native_bf16, has_native_int8
from service.models.choice import NetworkChoice
from service.models.registry import SPECS
from service.models.served_networks import ServedNetworks
from service.models.weights import WeightsStore
from service.settings import Settings

_PACKAGES = ("fastapi", "uvicorn", "numpy", "opencv-python-headless", "openvino", "timm", "torch")


def doctor(settings: Settings) -> int:
    """Print the facts; 0 if the service would start and its default network runs."""
    print(f"depth-service {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in _PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "not installed"
        print(f"  {package:24} {version}")
    print(
        f"CPU budget: {settings.threads or cpu_budget()} threads; "
        f"in hardware: bfloat16 {'yes' if has_native_bf16() else 'no'}, "
        f"int8 {'yes' if has_native_int8() else 'no'}"
    )
    store = WeightsStore(settings.weights_dir)
    for spec in SPECS.values():
        print(f"network {spec.name}: {store.origin(spec) or 'not installed'}")
    try:
        app_as_told(settings)
    except CannotServe as reason:
        return fail(str(reason))
    served = ServedNetworks.of(settings)
    network = load_for_serving(served.choose(NetworkChoice()), settings)
    print(
        f"{served.default} answers by default ({served.why}).\n"
        f"It runs in {network.engine.name} {network.engine.precision}; "
        f"differs from torch fp32 by {100 * network.parity.mean:.4f}% of the range"
    )
    return 0
