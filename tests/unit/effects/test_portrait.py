from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.effects.bokeh import Bokeh, aperture_kernel, blur_layers
from service.effects.light import to_linear, to_srgb
from service.effects.portrait import PortraitOptions, blur_background
from service.imaging import strips
from service.imaging.transforms import Rgb
from tests.support.depths import inverse_depth, motorcycle_inverse, step
from tests.support.photos import photo_pixels

WIDTH, HEIGHT, EDGE = 640, 480, 320
ASTRONAUT = photo_pixels("astronaut.png")


def textured(seed: int, colour: tuple[int, int, int]) -> Rgb:
    noise = np.random.default_rng(seed).normal(0, 25, (HEIGHT, WIDTH, 1))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def subject_and_background() -> Rgb:
    """A red subject on the left, a blue background on the right."""
    pixels = textured(0, (200, 50, 40))
    pixels[:, EDGE:] = textured(1, (40, 60, 190))[:, EDGE:]
    return pixels


def two_planes() -> NDArray[np.uint8]:
    return blur_background(subject_and_background(), DEPTH, PortraitOptions(aperture=0.5))


DEPTH = step(WIDTH, HEIGHT, EDGE)


def test_aperture_0_is_the_photo() -> None:
    result = blur_background(subject_and_background(), DEPTH, PortraitOptions(aperture=0))
    assert np.array_equal(result, subject_and_background())


def test_a_flat_map_is_all_in_focus() -> None:
    result = blur_background(ASTRONAUT, inverse_depth(np.ones((9, 9))), PortraitOptions())
    assert np.array_equal(result, ASTRONAUT)


def test_the_subject_stays_as_it_is_up_to_its_edge() -> None:
    difference = np.abs(two_planes().astype(int) - subject_and_background())
    assert difference[:, : EDGE - 10].max() <= 1
    assert np.median(difference[:, EDGE - 2]) <= 8


def test_the_subject_does_not_bleed_into_the_background() -> None:
    photo, options = subject_and_background(), PortraitOptions(aperture=0.5)
    radius = 0.035 * WIDTH * options.aperture
    naive = np.asarray(cv2.filter2D(photo, -1, aperture_kernel(radius, Bokeh.DISK)))
    naive[:, :EDGE] = photo[:, :EDGE]
    beside = np.s_[20:-20, EDGE + 4 : EDGE + 10, 0]
    halo, naive_halo = (
        float(picture[beside].mean()) - float(picture[20:-20, EDGE + 60 :, 0].mean())
        for picture in (two_planes(), naive)
    )
    assert naive_halo > 20
    assert abs(halo) < 3


def test_the_background_is_blurred_by_the_radius_the_lens_says() -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, :EDGE] = 90
    pixels[HEIGHT // 2 - 1 : HEIGHT // 2 + 1, 479:481] = 255
    result = blur_background(pixels, DEPTH, PortraitOptions(aperture=0.8, bloom=0))
    spot = to_linear(result)[:, EDGE + 20 :, 1]
    radius = 0.035 * WIDTH * 0.8
    lit = int((spot > 0.5 * np.quantile(spot[spot > 0], 0.8)).sum())
    assert math.sqrt(lit / math.pi) == pytest.approx(radius, rel=0.15)


def test_farther_planes_are_blurred_more() -> None:
    values = np.zeros((HEIGHT, WIDTH), np.float32)
    values[:, :200], values[:, 200:420] = 1, 0.5
    result = blur_background(
        textured(2, (128, 128, 128)), inverse_depth(values), PortraitOptions(focus="0.1,0.5")
    )
    near, middle, far = (
        float(result[50:-50, part].astype(float).std())
        for part in (slice(20, 180), slice(240, 380), slice(460, 620))
    )
    assert near > 20
    assert near > 3 * middle
    assert middle > 1.3 * far


def test_the_focus_point_moves_the_focus() -> None:
    photo = subject_and_background()
    far = blur_background(photo, DEPTH, PortraitOptions(focus="0.9,0.5"))
    difference = np.abs(far.astype(int) - photo).mean(axis=2)
    assert difference[:, EDGE + 40 :].max() <= 1
    assert difference[:, : EDGE - 40].mean() > 8


def test_a_blurred_foreground_spreads_over_what_is_in_focus() -> None:
    far = blur_background(
        subject_and_background(), DEPTH, PortraitOptions(focus="0.9,0.5", aperture=1)
    )
    red = far[40:-40, :, 0].mean(axis=0)
    assert red[EDGE + 6] > red[EDGE + 60] + 15
    assert (np.diff(cv2.blur(red, (1, 9)).ravel())[EDGE - 15 : EDGE + 15] < 0.5).all()


def test_a_foreground_does_not_coarsen_a_background_that_is_hardly_blurred() -> None:
    values = np.zeros((HEIGHT, WIDTH), np.float32)
    values[:, :80], values[:, 80:240] = 1, 0.14
    options = PortraitOptions(focus="0.25,0.5", aperture=1, depth_of_field=0.08, bloom=0)
    photo = textured(3, (128, 128, 128))
    background = np.s_[20:-20, 300:-20]
    radius = 0.035 * WIDTH * (0.14 - 0.08)
    blurred = cv2.filter2D(to_linear(photo), -1, aperture_kernel(radius, Bokeh.DISK))
    result = blur_background(photo, inverse_depth(values), options)[background]
    expected = to_srgb(np.asarray(blurred))[background]
    assert float(result.std()) == pytest.approx(float(expected.std()), rel=0.05)


def test_a_corner_that_is_hardly_blurred_is_blurred_where_it_is() -> None:
    values = np.full((HEIGHT, WIDTH), 0.86, np.float32)
    values[: HEIGHT // 3, : WIDTH // 4], values[:, -40:] = 1, 0
    options = PortraitOptions(focus="0.5,0.6", aperture=1, depth_of_field=0.08, bloom=0)
    photo = textured(4, (128, 128, 128))
    radius = 0.035 * WIDTH * (1 - 0.86 - 0.08)
    blurred = cv2.filter2D(to_linear(photo), -1, aperture_kernel(radius, Bokeh.DISK))
    result = blur_background(photo, inverse_depth(values), options)
    inside = np.s_[: HEIGHT // 3 - 20, : WIDTH // 4 - 20]
    expected = to_srgb(np.asarray(blurred))[inside].astype(int)
    assert np.abs(result[inside].astype(int) - expected).mean() < 2
    elsewhere = np.s_[HEIGHT // 3 + 20 :, WIDTH // 4 + 20 : -80]
    assert np.array_equal(result[elsewhere], photo[elsewhere])


def test_where_it_is_has_room_for_what_the_blur_spreads(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.full((HEIGHT, WIDTH), 0.86, np.float32)
    values[200:280, 250:350], values[:, -40:] = 1, 0
    photo = np.where(
        values[..., None] == 1, textured(5, (230, 230, 230)), textured(5, (20, 20, 20))
    )
    options = PortraitOptions(focus="0.5,0.9", aperture=1, depth_of_field=0.02, bloom=0)
    cropped = blur_background(photo, inverse_depth(values), options)
    monkeypatch.setattr(cv2, "boundingRect", lambda mask: (0, 0, WIDTH, HEIGHT))
    whole = blur_background(photo, inverse_depth(values), options)
    assert np.abs(cropped.astype(int) - whole).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        PortraitOptions(bloom=1),
        PortraitOptions(aperture=1, bokeh=Bokeh.HEXAGON),
        PortraitOptions(aperture=1, focus="0.5,0.5", depth_of_field=0),
        PortraitOptions(aperture=0.1, focus="0.5,0.5", depth_of_field=0, bloom=1),
        PortraitOptions(aperture=0.15),
    ],
)
@pytest.mark.parametrize("width", [741, 1024])
def test_a_portrait_made_in_strips_is_the_whole_one(
    width: int, options: PortraitOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (width, width * 2 // 3)
    photo = np.asarray(cv2.resize(photo_pixels("motorcycle_left.png"), size), np.uint8)
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1 << 30)
    whole = blur_background(photo, motorcycle_inverse(), options).astype(int)
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1)
    difference = np.abs(blur_background(photo, motorcycle_inverse(), options) - whole)
    # The layers' sizes are whole pixels: where the photo's are no multiples of them, that of a
    # strip may lie a part of a pixel beside the whole one's.
    assert difference.mean() < 0.1
    assert (difference > 3).mean() < 2e-3


def test_lights_bloom_and_white_walls_do_not() -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    pixels[200:208, 480:488] = 255
    plain, bloomed = (
        blur_background(pixels, DEPTH, PortraitOptions(bloom=bloom)).astype(int)
        for bloom in (0.0, 1.0)
    )
    assert bloomed[204, 484].min() > plain[204, 484].max() + 30
    wall = np.full((HEIGHT, WIDTH, 3), 225, np.uint8)
    wall[:, :EDGE] = 30
    bright = blur_background(wall, DEPTH, PortraitOptions(bloom=1))
    assert np.abs(bright[:, EDGE + 10 :].astype(int) - 225).max() <= 1


def test_bokeh_shapes_differ_in_the_picture() -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[200:212, 480:492] = 255
    disk, hexagon = (
        blur_background(pixels, DEPTH, PortraitOptions(bokeh=bokeh, aperture=1)) for bokeh in Bokeh
    )
    assert np.abs(disk.astype(int) - hexagon).max() > 20


@pytest.mark.parametrize("radius", [1.0, 2.5, 5.0])
def test_the_kernel_of_a_disk_has_its_area_and_sums_to_one(radius: float) -> None:
    kernel = aperture_kernel(radius, Bokeh.DISK)
    assert kernel.sum() == pytest.approx(1)
    assert 1 / kernel.max() == pytest.approx(math.pi * radius**2, rel=0.15)
    assert aperture_kernel(radius, Bokeh.HEXAGON).sum() == pytest.approx(1)


def test_layers_of_one_radius_cover_all_and_keep_the_light() -> None:
    light = np.full((60, 80, 3), 0.3, np.float32)
    share = np.ones((60, 80), np.float32)
    radius = np.tile(np.linspace(0.5, 9, 80, dtype=np.float32), (60, 1))
    for front in (True, False):
        blurred = blur_layers(light, share, radius, 9.0, Bokeh.DISK, sharp_in_front=front)
        assert blurred.coverage.min() > 0.6
        np.testing.assert_allclose(
            blurred.light / blurred.coverage[..., np.newaxis], light, rtol=1e-3
        )


@pytest.mark.parametrize("radius", [4.0, 6.5])
def test_a_point_of_light_becomes_the_aperture(radius: float) -> None:
    light = np.zeros((41, 41, 3), np.float32)
    light[20, 20] = 1
    even = np.ones((41, 41), np.float32)
    blurred = blur_layers(light, even, even * radius, radius, Bokeh.DISK, sharp_in_front=True)
    kernel = aperture_kernel(radius, Bokeh.DISK)
    reach = len(kernel) // 2
    spot = blurred.light[20 - reach : 21 + reach, 20 - reach : 21 + reach, 0]
    np.testing.assert_allclose(spot, kernel, atol=1e-6)
    assert blurred.light[..., 0].sum() == pytest.approx(1, abs=1e-4)


def test_all_levels_come_back_from_linear_light() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(to_srgb(to_linear(levels)), levels)
    assert to_linear(levels)[11, 12, 0] == pytest.approx(0.5029, abs=1e-3)


def test_blur_mixes_light_and_not_pixel_values() -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, EDGE:][::2] = 255
    result = blur_background(pixels, DEPTH, PortraitOptions(bloom=0))
    assert result[HEIGHT // 2, 500, 0] == pytest.approx(188, abs=6)


def test_large_photos_come_out_bounded() -> None:
    result = blur_background(ASTRONAUT, DEPTH, PortraitOptions(max_side=128))
    assert result.shape == (128, 128, 3)


def test_a_focus_in_the_last_corner_is_inside() -> None:
    result = blur_background(ASTRONAUT, DEPTH, PortraitOptions(focus="1.0,1.0"))
    assert result.shape == ASTRONAUT.shape
