"""Coverings for what made-up scenes are built of: walls, floors, wood, facades, pages, leaves."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.coverings import Covering, Image, Vectors, faded, fitted, noise, photo_piece, pixels

_SIDE = 192


class Patterns:
    """Every covering is another one; colours are mostly quiet, as in rooms and streets."""

    def __init__(self, photos: Sequence[Image], random: Generator) -> None:
        self.photos = photos
        self.random = random

    def colour(self, bold: float = 0.25) -> Vectors:
        """RGB in 0..255; ``bold`` is the chance of a strong one."""
        random = self.random
        strong = random.random() < bold
        hue = random.random() if strong or random.random() < 0.5 else random.uniform(0.04, 0.14)
        saturation = random.uniform(0.4, 0.95) if strong else random.uniform(0, 0.35)
        value = random.uniform(0.12, 1.0) if random.random() < 0.6 else random.uniform(0.6, 1.0)
        return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32) * 255

    def any(self) -> Covering:
        """Of a thing: of one colour, of wood, striped or a piece of a photo."""
        return self._one_of(
            (0.4, self.plain), (0.15, self.wood), (0.1, self.striped), (0.35, self.photo)
        )

    def plain(self, bold: float = 0.3) -> Covering:
        """One colour, with stains and grain."""
        stains = noise(self.random, 64, 3) * self.random.uniform(0, 14)
        grain = self.random.normal(0, self.random.uniform(0, 6), (64, 64))
        return self._covering(self.colour(bold) + (stains + grain)[..., None])

    def glass(self) -> Covering:
        """Of a car's windows: dark."""
        return self._tinted(np.array([50, 58, 66]) * self.random.uniform(0.4, 2.2))

    def dark(self) -> Covering:
        """Rubber, or a shadow's gap."""
        return self._tinted(np.full(3, self.random.uniform(15, 55)))

    def lamp(self) -> Covering:
        """White and bright by itself."""
        return fitted(np.full((8, 8, 3), 250, np.uint8), 1, 1, self.random.uniform(0.2, 1))

    def red(self) -> Covering:
        """Of a car's rear lights."""
        return self._tinted(np.array([self.random.uniform(120, 230), 25, 25]))

    def bark(self) -> Covering:
        """Of trees: brown to grey."""
        return self._tinted(np.array([110, 90, 70]) * self.random.uniform(0.4, 1.4))

    def skin(self) -> Covering:
        """Of people."""
        return self._tinted(np.array([225, 175, 145]) * self.random.uniform(0.3, 1.1))

    def photo(self) -> Covering:
        """A piece of a photo, often nearly plain."""
        piece = faded(photo_piece(self.photos, self.random), self.random.uniform(0.1, 1.0))
        return self._covering(piece)

    def striped(self) -> Covering:
        """Stripes or checks of two colours."""
        one, other = self.colour(), self.colour()
        other = one + (other - one) * self.random.uniform(0.2, 1)
        count = int(self.random.integers(2, 12))
        place = np.arange(_SIDE) * count // _SIDE % 2
        lines = np.broadcast_to(place[None], (_SIDE, _SIDE))
        kind = self.random.random()
        if kind < 0.3:
            lines = lines.T
        elif kind < 0.6:
            lines = lines ^ lines.T
        return self._covering(np.where(lines[..., None] > 0, one, other))

    def wood(self) -> Covering:
        """Fibres along one side."""
        return self._covering(self._fibres(_SIDE, _SIDE), 0.5, 1.5)

    def planks(self) -> Covering:
        """A floor of boards side by side."""
        rows = int(self.random.integers(4, 9))
        base = self._fibres(_SIDE, _SIDE)
        picture = np.empty_like(base)
        edges = np.linspace(0, _SIDE, rows + 1).astype(int)
        for top, bottom in itertools.pairwise(edges):
            shift = int(self.random.integers(_SIDE))
            board = np.roll(base, shift, axis=1)[top:bottom] * self.random.uniform(0.85, 1.1)
            board[0] *= 0.6
            board[:, shift] *= 0.6
            picture[top:bottom] = board
        return self._covering(picture, 0.8, 1.6)

    def tiles(self) -> Covering:
        """Squares or bricks with joints."""
        base, joint = self.colour(0.15), self.colour(0.05)
        across = int(self.random.integers(2, 7))
        down = across * int(self.random.choice([1, 1, 2, 3]))
        shade = self.random.normal(1, self.random.uniform(0, 0.12), (down, across))
        large = cv2.resize(shade, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
        picture = (base * large[..., None]).astype(np.float32)
        width = int(self.random.integers(1, 4))
        picture[np.arange(_SIDE) % (_SIDE // down) < width] = joint
        for row in range(down):
            top, bottom = row * _SIDE // down, (row + 1) * _SIDE // down
            shift = _SIDE // across // 2 * (row % 2) * (down > across)
            columns = (np.arange(_SIDE) + shift) % (_SIDE // across) < width
            picture[top:bottom, columns] = joint
        picture += (noise(self.random, _SIDE, 6) * 6)[..., None]
        return self._covering(picture, 0.5, 2.0)

    def rough(self, bold: float = 0.1) -> Covering:
        """Carpet, plaster, asphalt, earth."""
        grain = noise(self.random, _SIDE, int(self.random.integers(8, 60)), 3)
        strength = self.random.uniform(4, 25)
        return self._covering(self.colour(bold) + (grain * strength)[..., None], 0.5, 2.5)

    def wall(self) -> Covering:
        """Of a room, inside."""
        if self.random.random() < 0.5:
            light = 255 - (255 - self.colour(0.1)) * self.random.uniform(0.15, 0.7)
            stains = noise(self.random, 96, 2) * self.random.uniform(0, 8)
            return self._covering(light + stains[..., None], 1.5, 4)
        return self._one_of(
            (0.2, self.plain),
            (0.2, self.tiles),
            (0.15, self.striped),
            (0.15, self.rough),
            (0.1, self.wood),
            (0.2, self.photo),
        )

    def floor(self) -> Covering:
        """Of a room."""
        return self._one_of(
            (0.35, self.planks),
            (0.25, self.tiles),
            (0.2, self.rough),
            (0.08, self.striped),
            (0.12, self.photo),
        )

    def ground(self) -> Covering:
        """Grass, asphalt, earth or paving."""
        kind = self.random.random()
        if kind < 0.35:
            return self._leafy(3.0)
        if kind < 0.5:
            return self.tiles()
        if kind < 0.65:
            return self.photo()
        return self.asphalt()

    def asphalt(self) -> Covering:
        """Of roads: grey."""
        grey = self.random.uniform(50, 150) * self.random.uniform(0.95, 1.05, 3)
        grain = noise(self.random, _SIDE, 40, 3) * self.random.uniform(5, 18)
        return self._covering(grey + grain[..., None], 2, 4)

    def leaves(self) -> Covering:
        """Of trees and hedges."""
        return self._leafy(1.2)

    def facade(self) -> Covering:
        """Some storeys of windows."""
        if self.random.random() < 0.05:
            return self._covering(photo_piece(self.photos, self.random, 0.6), 4, 10)
        wall, frame = self.colour(0.15), self.colour(0.05)
        picture = wall + (noise(self.random, _SIDE, 24) * self.random.uniform(2, 12))[..., None]
        columns, rows = (int(count) for count in self.random.integers(1, 4, 2))
        width, height = _SIDE // columns, _SIDE // rows
        left, right = width * self.random.uniform(0.1, 0.35), width * self.random.uniform(0.6, 0.9)
        top, bottom = height * self.random.uniform(0.1, 0.3), height * self.random.uniform(0.6, 0.9)
        dark = self.random.uniform(20, 90)
        for x in range(columns):
            for y in range(rows):
                one = (int(x * width + left), int(y * height + top))
                other = (int(x * width + right), int(y * height + bottom))
                glass = dark * self.random.uniform(0.5, 2.2) * np.array([0.9, 1.0, 1.1])
                cv2.rectangle(picture, one, other, glass.tolist(), -1)
                cv2.rectangle(picture, one, other, frame.tolist(), 3)
                middle = (one[0] + other[0]) // 2
                cv2.line(picture, (middle, one[1]), (middle, other[1]), frame.tolist(), 2)
        if self.random.random() < 0.4:
            picture[:: max(2, _SIDE // 24)] *= 0.85
        storey = self.random.uniform(2.8, 3.6)
        return Covering(pixels(picture), (columns * self.random.uniform(1.8, 3.5), rows * storey))

    def page(self, width: float, height: float) -> Covering:
        """A printed page: a title, lines of words, at times a picture."""
        random = self.random
        down = 512
        across = max(32, round(down * width / height))
        paper = 255 - (255 - self.colour(0.05)) * random.uniform(0, 0.35)
        picture = np.full((down, across, 3), paper, np.float32)
        ink = self.colour(0.1) * random.uniform(0.05, 0.35)
        margin = int(across * random.uniform(0.06, 0.14))
        columns = int(random.choice([1, 1, 2])) if across > 200 else 1
        line, y = int(random.integers(8, 18)), int(down * random.uniform(0.05, 0.12))
        if random.random() < 0.6:
            end = across - margin - int(random.integers(0, across // 3))
            cv2.rectangle(picture, (margin, y), (end, y + 2 * line), ink.tolist(), -1)
            y += 4 * line
        wide = (across - 2 * margin) // columns
        for column in range(columns):
            left, row = margin + column * wide, y
            while row < down - margin - line:
                if random.random() < 0.03:
                    row = self._illustrated(picture, left, row, wide - 8, down - margin)
                    continue
                last = random.random() < 0.1
                self._words(picture, ink, (left, row), (wide - 8) // (2 if last else 1), line)
                row += line * (2 if last else 1)
        return fitted(pixels(picture), width, height)

    def poster(self, width: float, height: float) -> Covering:
        """A photo as a picture: flat, whatever it shows."""
        photo = self.photos[int(self.random.integers(len(self.photos)))]
        wanted, has = width / height, photo.shape[1] / photo.shape[0]
        down, across = photo.shape[:2]
        if wanted < has:
            part = photo[:, : max(8, round(down * wanted))]
        else:
            part = photo[: max(8, round(across / wanted))]
        return fitted(part, width, height, 0.4 if self.random.random() < 0.15 else 0.0)

    def _illustrated(self, page: Vectors, left: int, top: int, width: int, bottom: int) -> int:
        height = min(int(width * self.random.uniform(0.4, 0.8)), bottom - top)
        if height > 8 and width > 8:
            piece = cv2.resize(photo_piece(self.photos, self.random, 0.5), (width, height))
            page[top : top + height, left : left + width] = piece
        return top + height + 6

    def _words(
        self, page: Vectors, ink: Vectors, start: tuple[int, int], width: int, line: int
    ) -> None:
        x, end = start[0], start[0] + width
        while x < end - 4:
            letters = int(self.random.integers(2, 10))
            for _ in range(letters):
                stroke = int(self.random.integers(1, max(2, line // 3)))
                high = start[1] + int(self.random.integers(0, max(1, line // 3)))
                page[high : start[1] + line * 2 // 3, x : min(x + stroke, end)] = ink
                x += stroke + 1
            x += line // 2

    def _tinted(self, colour: NDArray[np.floating]) -> Covering:
        return self._covering(colour + (noise(self.random, 64, 4) * 6)[..., None])

    def _leafy(self, metres: float) -> Covering:
        green = np.array([self.random.uniform(40, 140), self.random.uniform(80, 150), 40])
        if self.random.random() < 0.15:
            green = np.array([170, self.random.uniform(70, 150), 40])
        grain = noise(self.random, _SIDE, 24, 4) * self.random.uniform(20, 50)
        return self._covering(green + grain[..., None], metres * 0.7, metres * 1.5)

    def _fibres(self, height: int, width: int) -> Vectors:
        brown = np.array([150, 105, 65]) * self.random.uniform(0.35, 1.5)
        base = brown + (self.colour(0.1) - brown) * self.random.uniform(0, 0.5)
        fine = self.random.normal(0, 1, (height, 12)).astype(np.float32)
        fibres = cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)
        waves = np.sin(noise(self.random, max(height, width), 2)[:height, :width] * 14)
        grain = fibres * self.random.uniform(3, 14) + waves * self.random.uniform(0, 10)
        return np.asarray(base + grain[..., None], np.float32)

    def _covering(self, picture: NDArray[Any], least: float = 0.4, most: float = 2) -> Covering:
        side = self.random.uniform(least, most)
        flat = np.broadcast_to(picture, (*picture.shape[:2], 3))
        return Covering(pixels(flat), (side, side * picture.shape[0] / picture.shape[1]))

    def _one_of(self, *chances: tuple[float, Callable[[], Covering]]) -> Covering:
        chosen = self.random.choice(len(chances), p=[share for share, _ in chances])
        return chances[int(chosen)][1]()
