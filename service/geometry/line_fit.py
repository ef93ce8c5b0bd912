"""A straight line through points that may hold blunders, with honest prediction bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HUBER = 1.345  # 95% as efficient as least squares on normal errors
_ROUNDS = 30
# How many points an expected misfit counts for, beside what the points show of it.
_EXPECTED_FREEDOM = 4
_MAD_TO_SIGMA = 1.4826
_NORMAL_95 = 1.96
# Student's t, 97.5%, for 1 to 10 degrees of freedom; beyond, the normal value is within 12%.
_STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


@dataclass(frozen=True)
class LineFit:
    """``target = intercept + slope * level``.

    ``centre`` is the weighted mean level, where the line is known best: there its variance is
    ``centre_variance``. ``scatter`` is the standard deviation of single points about the line, and
    ``factor`` how many standard deviations make a 95% bar. The variances are already widened for
    misfit. ``weights`` ``(n,)`` tell how far each point counts.
    """

    intercept: float
    slope: float
    centre: float
    centre_variance: float
    slope_variance: float
    scatter: float
    factor: float
    weights: Floats

    def half_width(self, level: NDArray[np.floating]) -> NDArray[np.floating]:
        """Half of the 95% prediction interval of the target at each level, its shape and dtype.

        It grows away from the points, as an extrapolation must.
        """
        growth = self.growth * (level - self.centre)
        half: NDArray[np.floating] = np.sqrt(self.least_half_width**2 + growth**2)
        return half

    @property
    def least_half_width(self) -> float:
        """Half of the 95% prediction interval at the centre, where it is smallest."""
        return self.factor * float(np.sqrt(self.centre_variance + self.scatter**2))

    @property
    def growth(self) -> float:
        """What half of the interval grows by per level, far from the centre."""
        return self.factor * float(np.sqrt(self.slope_variance))


def fit_line(
    level: Floats,
    target: Floats,
    sigma: Floats,
    level_sigma: Floats,
    expected_misfit: float = 0,
) -> LineFit:
    """Fit ``(n,)`` points, n >= 2, at two levels at least.

    ``sigma`` (> 0) and ``level_sigma`` (>= 0) are the standard deviations of ``target`` and
    ``level``. ``expected_misfit`` is how far levels are known to lie off such lines, one standard
    deviation; without it few points hardly show how far these do, and two cannot. Two points: the
    line through them. More: starts from the median of all slopes (Theil 1950, Sen 1968), which up
    to 29% of blunders cannot move far, then Huber's M-estimator by reweighted least squares (Huber
    1964). Memory grows with the square of n.
    """
    intercept, slope = _theil_sen(level, target)
    sigma = np.sqrt(sigma**2 + (slope * level_sigma) ** 2)
    weights: Floats = np.ones_like(level)
    if level.size > 2:
        residuals = (target - intercept - slope * level) / sigma
        spread = max(1.0, _MAD_TO_SIGMA * float(np.median(np.abs(residuals))))
        for _ in range(_ROUNDS):
            weights = np.minimum(1, _HUBER * spread / np.maximum(np.abs(residuals), 1e-12))
            intercept, slope = _least_squares(level, target, weights / sigma**2)
            residuals = (target - intercept - slope * level) / sigma
    return _with_bars(level, target, sigma, weights, (intercept, slope), expected_misfit)


def _with_bars(
    level: Floats,
    target: Floats,
    sigma: Floats,
    weights: Floats,
    line: tuple[float, float],
    expected_misfit: float,
) -> LineFit:
    intercept, slope = line
    importance = weights / sigma**2
    centre = float(np.average(level, weights=importance))
    centre_variance = float(1 / importance.sum())
    slope_variance = float(1 / (importance * (level - centre) ** 2).sum())
    factor, scatter, widening = _NORMAL_95, 0.0, 1.0
    expected_freedom = _EXPECTED_FREEDOM if expected_misfit > 0 else 0
    shown, freedom = level.size - 2, level.size - 2 + expected_freedom
    residuals = target - intercept - slope * level
    if shown > 0:
        misfit = float((weights * (residuals / sigma) ** 2).sum() / shown)
        # Misfit may widen the bars; luck in fitting never narrows them.
        widening = max(1.0, misfit)
    if freedom > 0:
        # The mean of a variance under a scaled inverse chi-squared prior (Gelman et al., "Bayesian
        # Data Analysis", section 2.6).
        expected = expected_freedom * (slope * expected_misfit) ** 2
        scatter = float(np.sqrt((expected + (weights * residuals**2).sum()) / freedom))
        factor = _STUDENT_95[freedom - 1] if freedom <= len(_STUDENT_95) else _NORMAL_95
    return LineFit(
        intercept=intercept,
        slope=slope,
        centre=centre,
        centre_variance=centre_variance * widening,
        slope_variance=slope_variance * widening,
        scatter=scatter,
        factor=factor,
        weights=weights,
    )


def _theil_sen(level: Floats, target: Floats) -> tuple[float, float]:
    first, second = np.triu_indices(level.size, 1)
    run, rise = level[second] - level[first], target[second] - target[first]
    slope = float(np.median(rise[run != 0] / run[run != 0]))
    return float(np.median(target - slope * level)), slope


def _least_squares(level: Floats, target: Floats, weights: Floats) -> tuple[float, float]:
    mean_level = np.average(level, weights=weights)
    mean_target = np.average(target, weights=weights)
    centred = level - mean_level
    slope = float((weights * centred * target).sum() / (weights * centred**2).sum())
    return float(mean_target - slope * mean_level), slope
