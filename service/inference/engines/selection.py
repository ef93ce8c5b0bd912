"""Choose the engine and precision of a network, and prove the choice against torch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from service.errors import ModelUnavailable, WeightsError
from service.inference.engines.base import (
    Engine,
    EngineUnavailable,
    Parity,
    Reference,
    is_installed,
    parity_of,
)
from service.inference.engines.quantised import find_quantised, was_quantised
from service.machine.cpu import cpu_budget
from service.models.precisions import precisions
from service.models.served_networks import ServedNetworks
from service.models.spec import NetworkSpec
from service.models.weights import VerifiedWeights, WeightsStore
from service.observability.metrics import NetworkLabels
from service.settings import EngineChoice, Precision, Settings

logger = logging.getLogger(__name__)

# Mean difference from torch fp32, as a share of the output's range. bf16 keeps 8 bits of
# mantissa; the embedded network measures 0.0023 in it and 0.000001 in fp32. int8 is judged on many
# photos when it is made, by the same bound.
TOLERANCE = {Precision.FP32: 0.001, Precision.BF16: 0.01, Precision.INT8: 0.03}
# A quantised network repeats its own answer to the last bit wherever integers are added up exactly.
# Where sums are cut off at 16 bits it is off by 0.028.
REPEATABLE = 0.001

# More than what `python -m load_tests.networks` finds to stay: some weights are kept in two
# layouts, and what lies between the layers of the network that runs comes on top.
_COPIES = 2
_LEAST_BYTES = 60_000_000
_BYTES_A_PARAMETER = {Precision.FP32: 4, Precision.BF16: 2, Precision.INT8: 1}


@dataclass(frozen=True)
class LoadedNetwork:
    """A network that is ready to serve."""

    spec: NetworkSpec
    weights: VerifiedWeights
    engine: Engine
    parity: Parity

    def as_asked(self, spec: NetworkSpec) -> LoadedNetwork:
        """The same network for inputs as ``spec``, an entry of its name, has them."""
        return replace(self, spec=spec)

    @property
    def labels(self) -> NetworkLabels:
        """What metrics say of it."""
        return NetworkLabels(
            self.spec.name,
            self.spec.kind,
            self.engine.name,
            self.engine.precision,
            self.weights.origin,
            self.weights.sha256,
        )


def loadable_weights(spec: NetworkSpec, settings: Settings) -> VerifiedWeights:
    """The weights that :func:`load_for_serving` loads; raises as it does for them."""
    ServedNetworks(licences=settings.accept_licenses).check_licence(spec)
    return WeightsStore(settings.weights_dir).verify(spec)


def load_for_serving(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
    """Load ``spec`` in the best engine the settings and this CPU allow.

    Falls back from int8 to bf16 to fp32 and from OpenVINO to torch where a candidate cannot run,
    differs from torch by more than its tolerance or does not repeat its own answer, and logs why.
    Blocks for up to seconds. Raises :class:`WeightsError` for missing or wrong weights,
    :class:`ModelUnavailable` when its licence is not accepted or no engine can run the network.
    """
    weights = loadable_weights(spec, settings)
    threads = settings.threads or cpu_budget()
    for choice, precision in _candidates(spec, settings):
        try:
            engine, reference = _create(choice, precision, spec, weights, settings, threads)
            depth = engine.infer(reference.tensor)
        except WeightsError:
            # No other engine can run what is not this network's.
            raise
        except EngineUnavailable as reason:
            logger.warning("%s cannot run in %s %s: %s", spec.name, choice, precision, reason)
            continue
        except Exception:
            # Runtimes raise what they like: the next one may still do.
            logger.exception("%s fails in %s %s", spec.name, choice, precision)
            continue
        parity = parity_of(depth, reference.depth)
        if reference.own is not None and parity_of(depth, reference.own).mean > REPEATABLE:
            logger.warning(
                "%s in %s %s does not answer as it did where it was made: not used",
                *(spec.name, choice, precision),
            )
            continue
        if parity.mean <= TOLERANCE[precision]:
            logger.info(
                "%s runs in %s %s on %d threads; differs from torch fp32 by %.3f%% of the range "
                "on average, %.2f%% at most",
                *(spec.name, choice, precision, threads, 100 * parity.mean, 100 * parity.max),
            )
            return LoadedNetwork(spec, weights, engine, parity)
        logger.warning(
            "%s in %s %s differs from torch fp32 by %.2f%% of the range: not used",
            *(spec.name, choice, precision, 100 * parity.mean),
        )
    raise ModelUnavailable(f"No engine on this machine can run {spec.name}.")


def loaded_bytes(spec: NetworkSpec, settings: Settings) -> int:
    """About how much memory the network takes in use."""
    precision = next(
        precision
        for _, precision in _candidates(spec, settings)
        if precision is not Precision.INT8 or was_quantised(spec, settings.cache_dir)
    )
    return round(_COPIES * spec.parameters * _BYTES_A_PARAMETER[precision]) + _LEAST_BYTES


def _candidates(spec: NetworkSpec, settings: Settings) -> Iterator[tuple[EngineChoice, Precision]]:
    """Engines and precisions to try, best first."""
    wanted = settings.precision
    if settings.engine is not EngineChoice.TORCH:
        for precision in precisions(spec, settings):
            yield EngineChoice.OPENVINO, precision
    # torch is the reference: it computes in fp32 unless bf16 is asked for.
    if wanted is Precision.BF16:
        yield EngineChoice.TORCH, Precision.BF16
    yield EngineChoice.TORCH, Precision.FP32


def _create(
    choice: EngineChoice,
    precision: Precision,
    spec: NetworkSpec,
    weights: VerifiedWeights,
    settings: Settings,
    threads: int,
) -> tuple[Engine, Reference]:
    # Imported here: each engine's runtime takes seconds and hundreds of megabytes to import, and
    # only one of them is used.
    if choice is EngineChoice.OPENVINO:
        if not is_installed("openvino"):
            raise EngineUnavailable("openvino is not installed")
        from service.inference.engines.conversion import ensure_converted
        from service.inference.engines.openvino_engine import OpenVinoEngine

        if precision is Precision.INT8:
            converted = find_quantised(spec, weights, settings.cache_dir)
        else:
            converted = ensure_converted(spec, weights, settings.cache_dir)
        engine = OpenVinoEngine(converted.graph, precision, threads, settings.cache_dir)
        return engine, converted.reference()

    if not is_installed("torch"):
        raise EngineUnavailable("torch is not installed")
    from service.inference.engines.torch_engine import TorchEngine, reference_for
    from service.models.checkpoint import load_network

    network = load_network(spec, weights.path, weights.sha256)
    reference = reference_for(network, spec.input_rule)
    return TorchEngine(network, precision, threads), reference
