"""The pictures of the README: the page as an animation, in both languages, and a strip of effects.

    python -m load_tests.pictures
    python -m load_tests.pictures --effects     # those of docs/effects.md alone; no chromium

Needs chromium; writes docs/images/page.webp, page-zh.webp, effects.jpg and effects_*.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, Position, sync_playwright

from load_tests.effect_pictures import write_effect_pictures
from tests.browser.conftest import launched
from tests.support.server import ServerProcess
from tests.support.visitor import expect_done

_IMAGES = Path(__file__).parent.parent / "docs" / "images"
_WINDOW = (1080, 880)
_SHOWN = (702, 572)
_QUALITY = 62
_PHOTO = "coffee"
_TILE = (236, 157)
_GAP = 6

Shot = tuple[Image.Image, int]


def animation(browser: Browser, url: str, locale: str) -> list[Shot]:
    """Pictures of the page in use, each with its milliseconds."""
    width, height = _WINDOW
    page = browser.new_page(
        base_url=url,
        locale=locale,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    page.goto("/")
    shots = [shot for scene in (_depth, _metres, _relief, _parallax) for shot in scene(page)]
    page.close()
    return shots


def _depth(page: Page) -> Iterator[Shot]:
    page.locator(f"[data-sample={_PHOTO}]").click()
    expect_done(page)
    for number in range(5):
        _point(page, 0.2 + 0.12 * number, 0.25 + 0.1 * number)
        yield _shot(page), 260
    yield _shot(page), 700


def _metres(page: Page) -> Iterator[Shot]:
    for (x, y), metres in (((0.5, 0.93), "0.4"), ((0.08, 0.12), "1.5")):
        _click(page, x, y)
        page.locator("#distance").fill(metres)
        yield _shot(page), 900
        page.keyboard.press("Enter")
    page.wait_for_function("() => !document.getElementById('copy-anchors').hidden")
    for number in range(4):
        _point(page, 0.25 + 0.15 * number, 0.75 - 0.12 * number)
        yield _shot(page), 700


def _relief(page: Page) -> Iterator[Shot]:
    page.locator("#tab-relief").click()
    _wait_for(page, "#relief canvas")
    page.locator("#relief").focus()
    for key, presses in (("ArrowRight", 6), ("ArrowLeft", 10), ("ArrowRight", 4)):
        for _ in range(presses):
            page.keyboard.press(key)
            yield _shot(page), 110


def _parallax(page: Page) -> Iterator[Shot]:
    page.locator("#tab-parallax").click()
    frame = page.locator("#parallax")
    for number in range(12):
        box = frame.bounding_box()
        assert box is not None
        x = 0.5 + 0.45 * (1 - abs((number % 12) / 3 - 2))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + 0.5 * box["height"])
        page.wait_for_timeout(300)
        yield _shot(page), 110


def _point(page: Page, x: float, y: float) -> None:
    page.locator("#heatmap").hover(position=_place(page, x, y))


def _click(page: Page, x: float, y: float) -> None:
    page.locator("#heatmap").click(position=_place(page, x, y))


def _place(page: Page, x: float, y: float) -> Position:
    box = page.locator("#heatmap").bounding_box()
    assert box is not None
    return {"x": x * box["width"], "y": y * box["height"]}


def _shot(page: Page) -> Image.Image:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return picture.resize(_SHOWN, Image.Resampling.LANCZOS)


def strip(browser: Browser, server: ServerProcess) -> Image.Image:
    """What is made of one photo, side by side."""
    client, photo = server.client, _sample(server.url)
    made = [
        ("depth", {}),
        ("effects/portrait", {"aperture": "1", "focus": "0.45,0.6"}),
        ("effects/relief", {}),
        ("effects/stereo", {"layout": "anaglyph"}),
    ]
    pictures = []
    for route, query in made:
        answer = client.post(f"/v1/{route}", params=query, files={"image": photo})
        pictures.append(answer.raise_for_status().content)
    pictures += _of_page(browser, server.url)
    width, height = _TILE
    sheet = Image.new("RGB", (len(pictures) * (width + _GAP) - _GAP, height), "white")
    for number, data in enumerate(pictures):
        tile = Image.open(io.BytesIO(data)).convert("RGB").resize(_TILE, Image.Resampling.LANCZOS)
        sheet.paste(tile, (number * (width + _GAP), 0))
    return sheet


def _of_page(browser: Browser, url: str) -> Iterator[bytes]:
    """The 3D view and the obstacle alarm, which the page draws."""
    page = browser.new_page(base_url=url, reduced_motion="reduce")
    page.goto(f"/#sample={_PHOTO}&tab=relief")
    _wait_for(page, "#relief canvas")
    page.locator("#relief").focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    yield page.locator("#relief").screenshot()
    page.locator("#tab-obstacle").click()
    yield page.locator("#obstacle canvas").screenshot()
    page.close()


def _wait_for(page: Page, canvas: str) -> None:
    """Until a view has drawn its first picture."""
    page.wait_for_function(f"() => document.querySelector('{canvas}').width > 400")


def _sample(url: str) -> bytes:
    return httpx.get(f"{url}/static/samples/{_PHOTO}.jpg").raise_for_status().content


def main() -> None:
    """Write the pictures and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--effects", action="store_true", help="those of docs/effects.md alone")
    arguments = parser.parse_args()
    with ServerProcess() as server:
        files = [] if arguments.effects else _of_readme(server)
        photo = _sample(server.url)

        def make(route: str, **query: str | float) -> bytes:
            answer = server.client.post(f"/v1/{route}", params=query, files={"image": photo})
            return answer.raise_for_status().content

        files += write_effect_pictures(make, _IMAGES)
    for file in files:
        print(f"{file.name:22} {file.stat().st_size / 1e3:.0f} kB")


def _of_readme(server: ServerProcess) -> list[Path]:
    files = []
    with sync_playwright() as playwright, launched(playwright) as browser:
        for name, locale in (("page.webp", "en-US"), ("page-zh.webp", "zh-CN")):
            pictures, durations = zip(*animation(browser, server.url, locale), strict=True)
            files.append(_IMAGES / name)
            pictures[0].save(
                files[-1],
                save_all=True,
                append_images=pictures[1:],
                duration=list(durations),
                loop=0,
                quality=_QUALITY,
                method=4,
            )
        files.append(_IMAGES / "effects.jpg")
        strip(browser, server).save(files[-1], quality=85, optimize=True)
    return files


if __name__ == "__main__":
    main()
