"""Thousands of broken, lying and oversized images: each is answered in kind."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools

import httpx
import pytest

from tests.hostile.bombs import STRIPS, Named, strip
from tests.hostile.conftest import Tried
from tests.hostile.corpus import hostile_images
from tests.hostile.harm import KNOWN_SLUGS, unharmed
from tests.support.server import ServerProcess

_CLIENTS = 4


def _fault(name: str, answer: httpx.Response) -> str | None:
    """What is wrong with the answer; None if nothing is."""
    if answer.status_code == 200:
        right = answer.headers["content-type"] == "image/png"
    elif answer.headers["content-type"] == "application/problem+json":
        problem = answer.json()
        right = (
            problem["type"] in KNOWN_SLUGS.get(answer.status_code, ())
            and problem["status"] == answer.status_code
            and bool(problem["detail"])
            and len(answer.content) < 2000
        )
    else:
        right = False
    return None if right else f"{name}: {answer.status_code} {answer.text[:200]}"


def _post(server: ServerProcess, cases: list[Named]) -> list[tuple[int, str | None]]:
    """Status and fault of each case, half of them sent as forms, half as plain bodies."""
    outcomes = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for index, (name, data) in enumerate(cases):
            if index % 2 and data:
                answer = client.post(
                    "/v1/depth", content=data, headers={"Content-Type": "image/jpeg"}
                )
            else:
                answer = client.post("/predict", files={"image": (f"{name[:40]}.jpg", data)})
            outcomes.append((answer.status_code, _fault(name, answer)))
    return outcomes


def _post_by_many(server: ServerProcess, cases: list[Named]) -> list[tuple[int, str | None]]:
    shares = [cases[start::_CLIENTS] for start in range(_CLIENTS)]
    with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
        return list(itertools.chain(*pool.map(_post, [server] * _CLIENTS, shares)))


def test_every_hostile_image_gets_a_depth_map_or_a_typed_refusal(
    target: ServerProcess, tried: Tried
) -> None:
    cases = list(hostile_images())
    assert len({name for name, _ in cases}) == len(cases) > 2000
    # Memory is compared with what it takes once all pools and odd shapes have been seen.
    _post_by_many(target, cases[::5])
    with unharmed(target):
        outcomes = _post_by_many(target, cases)
    tried("images", len(outcomes))
    assert [fault for _, fault in outcomes if fault] == []
    # Each kind of answer was reached, so the corpus tests what it says.
    statuses = collections.Counter(status for status, _ in outcomes)
    assert set(statuses) == {200, 400, 413, 415, 422}
    assert min(statuses[status] for status in (200, 413, 415, 422)) > 100


def test_the_log_of_hostile_images_stays_small(target: ServerProcess) -> None:
    before = len(target.log())
    cases = list(hostile_images())[::25]
    _post(target, cases)
    assert len(target.log()) - before < 1000 * len(cases)


@pytest.mark.parametrize("name", STRIPS)
def test_strips_of_fifty_megapixels_get_a_depth_map(
    target: ServerProcess, tried: Tried, name: str
) -> None:
    with unharmed(target):
        answer = target.client.post(
            "/v1/depth?size=network",
            files={"image": strip(name)},
            headers={"X-Request-Timeout": "120"},
            timeout=150,
        )
    tried("strips", 1)
    assert _fault(name, answer) is None
    assert answer.status_code == 200
