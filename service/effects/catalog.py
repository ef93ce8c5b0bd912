"""All effects, in the order of the documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.effects.obstacle_report import OBSTACLE
from service.effects.parallax import PARALLAX
from service.effects.pointcloud import POINTCLOUD
from service.effects.portrait import PORTRAIT
from service.effects.record import Effect
from service.effects.relief import RELIEF
from service.effects.stereo import STEREO

EFFECTS: Mapping[str, Effect[Any]] = {
    effect.name: effect for effect in (OBSTACLE, POINTCLOUD, RELIEF, PORTRAIT, PARALLAX, STEREO)
}
