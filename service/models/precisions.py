"""In which precisions a network may run in OpenVINO, and at what size it usually does."""

from __future__ import annotations

from collections.abc import Iterator

from service.machine.cpu import has_native_bf16, has_native_int8
from service.models.spec import NetworkSpec
from service.models.weights import Origin, WeightsStore
from service.settings import EngineChoice, Precision, Settings


def precisions(spec: NetworkSpec, settings: Settings) -> Iterator[Precision]:
    """Precisions to try, best first.

    ``auto`` takes int8 for weights that ship in it, on processors that multiply 8-bit integers: on
    those it is the fastest.
    """
    wanted = settings.precision
    automatic = wanted is Precision.AUTO and has_native_int8()
    if wanted is Precision.INT8 or (automatic and _ships_quantised(spec, settings)):
        yield Precision.INT8
    if wanted is Precision.BF16 or (wanted is not Precision.FP32 and has_native_bf16()):
        yield Precision.BF16
    yield Precision.FP32


def usual_target(spec: NetworkSpec, settings: Settings) -> int:
    """The size of a network's input where nobody asks for one: the official size.

    What int8 saves buys the embedded network a larger input: sharper, and still faster. It depends
    on the processor and the settings alone, so one machine always answers alike.
    """
    sizes = spec.resolutions
    if (
        sizes is not None
        and sizes.int8 is not None
        and settings.engine is not EngineChoice.TORCH
        and next(precisions(spec, settings)) is Precision.INT8
        and _ships_quantised(spec, settings)
    ):
        return sizes.int8
    return spec.input_rule.target


def _ships_quantised(spec: NetworkSpec, settings: Settings) -> bool:
    """Not where a user's own weights are in the embedded ones' place."""
    return spec.embedded and WeightsStore(settings.weights_dir).origin(spec) is Origin.EMBEDDED
