"""The alarm where it matters: metres, empty floors, and pictures that show nothing."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

from tests.support.effects import depth_file, npy, post_effect
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ServerProcess
from tests.support.streams import answer_of, open_stream

COFFEE = photo_bytes("coffee.png")
METRIC = {"depth_kind": "metric_depth"}
ANCHORS = "0.5,0.9,0.4;0.2,0.05,1.2"
NOISE = as_bytes(np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8))
WALL = npy(np.full((240, 320), 0.45, np.float32))
HILLS = npy(np.tile(np.linspace(120, 100, 240, dtype=np.float32)[:, None], (1, 320)))


def report(server: ServerProcess, photo: bytes, depth: bytes | None = None, **query: Any) -> Any:
    answer = post_effect(server, "obstacle", photo, depth, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_wall_at_arms_length_alarms_and_hills_do_not(server: ServerProcess) -> None:
    wall = report(server, NOISE, WALL, **METRIC)
    assert (wall["alarm"], wall["confidence"]) == (True, "normal")
    assert wall["largest"]["distance"]["metres"] == pytest.approx(0.45)
    assert "not metres" not in wall["note"]
    hills = report(server, NOISE, HILLS, **METRIC)
    assert hills["alarm"] is False
    assert report(server, NOISE, HILLS, threshold_metres=130, **METRIC)["near_share"] > 0


def test_anchors_make_the_alarm_one_of_metres(server: ServerProcess) -> None:
    metres = np.load(
        io.BytesIO(depth_file(server, COFFEE, format="npy", size="network", anchors=ANCHORS))
    )
    shares = []
    for threshold in (0.45, 0.6, 3):
        answer = post_effect(
            server, "obstacle", COFFEE, anchors=ANCHORS, threshold_metres=threshold
        )
        found = answer.json()
        shares.append(found["near_share"])
        assert found["near_share"] <= (metres <= threshold).mean() + 1e-6
        assert answer.headers["x-depth-calibration"]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]
    calm = report(server, COFFEE, anchors=ANCHORS, threshold_metres=0.05)
    assert calm["alarm"] is False


def test_the_picture_shows_the_metres(server: ServerProcess) -> None:
    pictures = [
        Image.open(io.BytesIO(answer.content)).tobytes()
        for threshold in (0.4, 3)
        if (
            answer := post_effect(
                server,
                "obstacle",
                NOISE,
                WALL,
                format="png",
                threshold_metres=threshold,
                **METRIC,
            )
        ).status_code
        == 200
    ]
    assert len(pictures) == 2
    assert pictures[0] != pictures[1]


EMPTY = {
    **{name: photo_bytes(f"{name}.png") for name in ("gravel", "brick", "grass")},
    "a black frame": as_bytes(Image.new("RGB", (640, 480))),
    "a white wall": as_bytes(Image.new("RGB", (640, 480), (245, 245, 245))),
    "noise": NOISE,
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_picture_that_shows_nothing_raises_no_alarm(server: ServerProcess, name: str) -> None:
    found = report(server, EMPTY[name])
    assert found["alarm"] is None
    assert found["confidence"] == "low"
    assert found["reason"]
    assert {found[sector]["alarm"] for sector in ("left", "centre", "right")} == {None}


@pytest.mark.parametrize("query", [{}, {"calibration": "0.2,1.8"}], ids=["relative", "metres"])
@pytest.mark.parametrize("name", EMPTY)
def test_a_stream_doubts_what_a_photo_is_doubted_for(
    server: ServerProcess, name: str, query: dict[str, Any]
) -> None:
    with open_stream(server, f"?{urlencode(query | {'format': 'obstacle'})}") as camera:
        camera.send(EMPTY[name])
        _, body = answer_of(camera)
    live, still = json.loads(body), report(server, EMPTY[name], **query)
    told = ("alarm", "confidence", "reason")
    assert [live[one] for one in told] == [still[one] for one in told]


def test_a_gap_in_a_map_does_not_hide_how_well_the_anchors_fit(server: ServerProcess) -> None:
    near = np.tile(np.linspace(0.1, 1.1, 240, dtype=np.float32)[:, None], (1, 320))
    gap = near.copy()
    gap[30:60, 40:90] = 0
    whole, holed = (
        report(server, NOISE, npy(depth), anchors=ANCHORS, invalid="0")["calibration"]["middle"]
        for depth in (near, gap)
    )
    assert holed["metres"] == pytest.approx(whole["metres"], rel=0.05)


def test_an_empty_tiled_floor_raises_no_alarm(server: ServerProcess) -> None:
    x, y = np.meshgrid(np.arange(640), np.arange(480))
    ahead = 300 / np.maximum(y - 120, 1e-3)
    tiles = (np.floor((x - 320) / 250 * ahead) + np.floor(2 * ahead)) % 2
    floor = np.where(y <= 120, 200, 80 + 100 * tiles).astype(np.uint8)
    assert report(server, as_bytes(np.repeat(floor[..., np.newaxis], 3, 2)))["alarm"] is not True


def test_a_photo_with_something_in_front_alarms(server: ServerProcess) -> None:
    found = report(server, photo_bytes("astronaut.png"))
    assert (found["alarm"], found["confidence"]) == (True, "normal")


def test_a_stream_is_in_metres_and_alarms(server: ServerProcess) -> None:
    fit = post_effect(server, "obstacle", COFFEE, anchors=ANCHORS).headers["x-depth-calibration"]
    expected = np.load(
        io.BytesIO(depth_file(server, COFFEE, format="npy", size="network", calibration=fit))
    )
    for query in (f"calibration={fit}", f"anchors={ANCHORS.replace(';', '%3B')}"):
        with open_stream(server, f"?format=npy&{query}") as camera:
            camera.send(COFFEE)
            head, body = answer_of(camera)
        assert (head["kind"], head["unit"]) == ("metric_depth", "metre")
        assert head["note"] is None
        sizes = {"size": "network", "format": "json", "encoding": "base64"}
        same = dict(pair.split("=") for pair in query.replace("%3B", ";").split("&"))
        still = json.loads(depth_file(server, COFFEE, **sizes, **same))
        assert head["calibration"] == approx_facts(still["calibration"])
        assert (head["calibration"]["bars"] is None) == ("calibration" in same)
        assert np.allclose(np.load(io.BytesIO(body)), expected, rtol=1e-5)


def approx_facts(facts: Any) -> Any:
    """A fit's facts, of which the network's threads may change the last digits."""
    if isinstance(facts, dict):
        return {name: approx_facts(value) for name, value in facts.items()}
    if isinstance(facts, list):
        return [approx_facts(value) for value in facts]
    return pytest.approx(facts, rel=1e-4) if isinstance(facts, float) else facts


@pytest.mark.parametrize("by", ["calibration", "anchors"])
def test_a_stream_alarms_with_the_distances_and_bars_of_a_photo(
    server: ServerProcess, by: str
) -> None:
    fit = post_effect(server, "obstacle", COFFEE, anchors=ANCHORS).headers["x-depth-calibration"]
    query: dict[str, Any] = {by: fit if by == "calibration" else ANCHORS, "threshold_metres": 0.6}
    with open_stream(server, f"?{urlencode(query | {'format': 'obstacle'})}") as camera:
        camera.send(COFFEE)
        _, body = answer_of(camera)
    live, still = json.loads(body), report(server, COFFEE, **query)
    assert (live["alarm"], live["near_share"]) == (still["alarm"], still["near_share"])
    distance = live["largest"]["distance"]
    assert distance == approx_facts(still["largest"]["distance"])
    assert (distance["low"] is None) == (by == "calibration")
    assert live["calibration"] == approx_facts(still["calibration"])
