"""ZoeDepth: DPT on BEiT, and bins of metres that its decoder's maps attract.

Source: Bhat et al., "ZoeDepth" (2023), isl-org/ZoeDepth, ``zoedepth/models``. As released: an
attractor pulls with the strength 300, whatever its configuration says.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from service.networks.dpt import BEIT, DPT_DECODER, dpt_beit
from service.networks.refinenet import DepthNetwork, enlarge
from service.networks.renaming import Renaming

_BINS = 64
_EMBEDDING = 128
_ATTRACTORS = (16, 8, 4, 1)
_ATTRACTION = 300.0
_TEMPERATURES = (0.0212, 50.0)
_SMALLEST_SHARE = 1e-4
# Of Stirling's formula, which is asked for the logarithm of 0, too.
_STIRLING = 1e-7


class ZoeDepth(nn.Module):
    """Depth in metres.

    Input: float32 ``(n, 3, h, w)`` in -1..1, sides multiples of 32. Output: float32 ``(n, h, w)``,
    larger is farther.
    """

    def __init__(self, core: DepthNetwork) -> None:
        super().__init__()
        self.core = core
        fused, *_ = DPT_DECODER.widths
        condition = DPT_DECODER.head[1] + 1 + _EMBEDDING
        self.conv2 = nn.Conv2d(fused, fused, 1)
        self.seed_bins = _perceptron(fused, 256, _BINS, nn.ReLU(), nn.Softplus())
        self.seed_projector = _perceptron(fused, 128, _EMBEDDING, nn.ReLU())
        self.projectors = nn.ModuleList(
            _perceptron(fused, 128, _EMBEDDING, nn.ReLU()) for _ in _ATTRACTORS
        )
        self.attractors = nn.ModuleList(
            _perceptron(_EMBEDDING, 128, count, nn.ReLU(), nn.Softplus()) for count in _ATTRACTORS
        )
        self.distribution = _perceptron(condition, condition // 2, 4, nn.GELU(), nn.Softplus())

    def forward(self, image: Tensor) -> Tensor:
        bottleneck, *maps = self.core.decode(self.core.encoder(image))
        details = self.core.head[:4](maps[-1])
        relative = self.core.head[4:](details)

        seed = self.conv2(bottleneck)
        centres, embedding = self.seed_bins(seed), self.seed_projector(seed)
        for projector, attractor, features in zip(
            self.projectors, self.attractors, maps, strict=True
        ):
            projected = projector(features)
            size = projected.shape[-2:]
            centres = _attract(
                enlarge(centres, size), attractor(projected + enlarge(embedding, size))
            )
            embedding = projected

        size = details.shape[-2:]
        condition = torch.cat([details, relative, enlarge(embedding, size)], dim=1)
        shares = _log_binomial(self.distribution(condition))
        return (shares * enlarge(centres, size)).sum(1)


def _perceptron(inputs: int, hidden: int, outputs: int, *activations: nn.Module) -> nn.Sequential:
    """Two 1x1 convolutions; one activation between them, another may follow."""
    between, *after = activations
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 1), between, nn.Conv2d(hidden, outputs, 1), *after
    )


def _attract(centres: Tensor, attractors: Tensor) -> Tensor:
    """Bin centres moved towards the attractors' points: dx / (1 + 300 dx^2), on average."""
    moved = torch.zeros_like(centres)
    # One by one: all at once takes as many times the memory.
    for index in range(attractors.shape[1]):
        distance = attractors[:, index : index + 1] - centres
        moved = moved + distance / (1 + _ATTRACTION * distance * distance)
    return centres + moved / attractors.shape[1]


def _log_binomial(parameters: Tensor) -> Tensor:
    """Shares of the bins, ``(n, 64, h, w)``, by a binomial distribution with a temperature.

    ``parameters`` ``(n, 4, h, w)``, positive, are two pairs: the first of a pair by their sum is a
    probability, and a temperature within its range.
    """
    weights = parameters + _SMALLEST_SHARE
    first = weights[:, 0:1] / (weights[:, 0:1] + weights[:, 1:2])
    warmth = weights[:, 2:3] / (weights[:, 2:3] + weights[:, 3:4])
    coldest, hottest = _TEMPERATURES
    temperature = (hottest - coldest) * warmth + coldest

    bins = torch.arange(_BINS, dtype=parameters.dtype)[None, :, None, None]
    last = _BINS - 1
    n, k = torch.tensor(last + _STIRLING), bins + _STIRLING
    choose = n * n.log() - k * k.log() - (n - k) * (n - k + _STIRLING).log()
    likely = choose + bins * first.clamp(_SMALLEST_SHARE, 1).log()
    likely = likely + (last - bins) * (1 - first).clamp(_SMALLEST_SHARE, 1).log()
    return F.softmax(likely / temperature, dim=1)


def zoedepth_n() -> nn.Module:
    """ZoeDepth for rooms (trained on NYU Depth V2)."""
    return ZoeDepth(
        dpt_beit("beit_large_patch16_384", taps=(5, 11, 17, 23), channels=(256, 512, 1024, 1024))
    )


OFFICIAL = Renaming(
    {
        **BEIT.under("core.core.", "core.").prefixes,
        "seed_bin_regressor._net.": "seed_bins.",
        "conditional_log_binomial.log_binomial_transform.": None,
        "conditional_log_binomial.mlp.": "distribution.",
    },
    {**BEIT.parts, "._net.": "."},
)
