"""The page's first heatmap, and pictures a second of its parallax preview in motion.

    python -m load_tests.page [--seconds N]

The first heatmap of a sample is told from when its address was opened by a browser that has nothing
of the page. The preview's pointer moves without a pause. Chromium draws in software here, on the
processor's cores: the slowest case, any graphics card is faster. Needs chromium; writes
results/page.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from load_tests.bench import photo_file
from load_tests.machine import machine_facts, write_result
from tests.browser.conftest import launched
from tests.support.server import ServerProcess
from tests.support.visitor import expect_done

# Counts drawings and their width, and moves the pointer once a frame.
_MOVE = """async (seconds) => {
  const drawn = [];
  const draw = WebGL2RenderingContext.prototype.drawArrays;
  WebGL2RenderingContext.prototype.drawArrays = function (...rest) {
    drawn.push({ width: this.canvas.width });
    return draw.apply(this, rest);
  };
  const frame = document.getElementById("parallax");
  const box = frame.getBoundingClientRect();
  const started = performance.now();
  await new Promise((done) => {
    const step = (now) => {
      const angle = (now - started) / 300;
      frame.dispatchEvent(new PointerEvent("pointermove", {
        clientX: box.left + box.width * (0.5 + 0.45 * Math.cos(angle)),
        clientY: box.top + box.height * (0.5 + 0.45 * Math.sin(angle)),
      }));
      if (now - started < 1000 * seconds) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  });
  WebGL2RenderingContext.prototype.drawArrays = draw;
  const ms = performance.now() - started;
  return { drawn: drawn.length, width: drawn.at(-1).width, ms };
}"""


# Notes when the heatmap is there, in milliseconds since the page was asked for.
_NOTE_FIRST = """new MutationObserver(() => {
  const heatmap = document.getElementById("heatmap");
  if (heatmap && !heatmap.hidden) window.first ??= performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true })"""
_VISITORS = 7


def first_heatmap_ms(browser: Browser, url: str) -> float:
    """Milliseconds until visitors who follow a link see a sample's heatmap: their median."""
    took: list[float] = []
    for _ in range(_VISITORS):
        with browser.new_context(base_url=url) as context:
            page = context.new_page()
            page.add_init_script(_NOTE_FIRST)
            page.goto("/#sample=coffee")
            took.append(page.wait_for_function("() => window.first").json_value())
    return round(statistics.median(took), 1)


def measure(page: Page, photo: Path, seconds: float) -> dict[str, Any]:
    """Pictures a second while the page finds its resolution and after, and how wide they are."""
    page.goto("/")
    page.locator("#file").set_input_files(photo)
    expect_done(page)
    page.locator("#tab-parallax").click()
    first, found = page.evaluate(_MOVE, 1), page.evaluate(_MOVE, seconds)
    return {
        "pictures_in_the_first_second": first["drawn"],
        "pictures_a_second": round(1000 * found["drawn"] / found["ms"], 1),
        "width_in_motion": found["width"],
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    seconds = parser.parse_args().seconds
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, drawn in software")
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess() as server,
        sync_playwright() as playwright,
        launched(playwright) as browser,
    ):
        figures["first_heatmap_ms"] = first_heatmap_ms(browser, server.url)
        print(f"{'first heatmap of a sample':32} {figures['first_heatmap_ms']:g} ms")
        for size in ((1280, 720), (640, 360)):
            page = browser.new_page(base_url=server.url, viewport={"width": 1200, "height": 900})
            name = f"parallax preview of {size[0]}x{size[1]}"
            figures[name] = measure(page, photo_file(Path(folder), size), seconds)
            print(f"{name:32} {figures[name]}")
            page.close()
    write_result("page", figures)


if __name__ == "__main__":
    main()
