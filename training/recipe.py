"""The numbers that a training may vary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Two phases: the decoder alone, then all but the encoder's first two stages.

    The first stages' edges and colours are ImageNet's; leaving them saves a quarter of a step.
    Learning rates are those at the top of the schedule: a linear warm-up, then half a cosine.
    """

    steps: int = 2500
    decoder_share: float = 0.2
    """Of the steps, how many are the first phase; 0 where training goes on from trained weights."""
    warmup_steps: int = 50
    batch: int = 16
    decoder_rate: float = 5e-4
    encoder_rate: float = 1.5e-4
    weight_decay: float = 1e-2
    largest_gradient: float = 1.0
    ema: float = 0.998
    """How much of the averaged weights each step keeps; the average is what ships."""
    gradient_weight: float = 0.8
    anchor_weight: float = 1.0
    full_relief: float = 0.3
    """Of a map's largest value, what it must span for its own map to span all of 0..1."""
    true_trim: float = 0.2
    """Of true depth, the share that is left out as probably wrong: sensors miss edges."""
    seed: int = 20
    checkpoint_every: int = 50

    @property
    def decoder_steps(self) -> int:
        """Steps of the first phase."""
        return round(self.decoder_share * self.steps)
