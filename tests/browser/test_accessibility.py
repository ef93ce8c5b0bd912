"""The page for people who do not see it, or do not use a mouse: axe-core's rules, and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.support.photos import photo_bytes
from tests.support.visitor import open_sample, open_small, paste

_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
TABS = ["depth", "compare", "relief", "parallax", "portrait", "obstacle", "live"]


# Without the contrast of WCAG's level AAA, which a usual run leaves out, too.
_COLOURS = {
    "runOnly": ["cat.color"],
    "rules": {"color-contrast-enhanced": {"enabled": False}},
}


def findings(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """Findings of axe-core: rule and element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    found: list[str] = page.evaluate(
        """async (options) => (await axe.run(options)).violations
            .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`))""",
        options or {},
    )
    return found


def findings_by_day_and_night(page: Page) -> list[str]:
    """Of both looks of the page, which differ in nothing but colours."""
    found = findings(page)
    page.emulate_media(color_scheme="dark")
    found += findings(page, _COLOURS)
    page.emulate_media(color_scheme="light")
    return found


def test_axe_has_no_finding_on_any_tab(page: Page) -> None:
    page.goto("/")
    assert findings_by_day_and_night(page) == []
    open_small(page, "coffee")
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        assert findings_by_day_and_night(page) == [], tab
    page.locator("#live-switch").click()
    expect(page.locator("#live-figures")).not_to_be_empty()
    assert findings_by_day_and_night(page) == []


# The outline of what has the focus, and what is around it, as [red, green, blue] of 0..255.
_RING = """() => {
    const probe = document.body.appendChild(document.createElement("i"));
    const all = ["glow", "page", "card", "well"].map((name) => {
        probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
    });
    probe.remove();
    return all;
}"""


def luminance(colour: list[float]) -> float:
    """Relative luminance 0..1 of sRGB, as WCAG 2.2 defines it."""
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_has_a_ring_that_can_be_seen(
    page: Page, scheme: Literal["light", "dark"]
) -> None:
    """3 to 1 with what is around it (WCAG 1.4.11), which axe-core does not look at."""
    page.emulate_media(color_scheme=scheme)
    page.goto("/")
    ring, *grounds = map(luminance, page.evaluate(_RING))
    for ground in grounds:
        assert (max(ring, ground) + 0.05) / (min(ring, ground) + 0.05) >= 3


def test_a_button_that_is_a_file_input_shows_its_focus(page: Page) -> None:
    page.goto("/")
    page.locator("#tab-live").click()
    for input_id in ("file", "live-file"):
        label = page.locator(f"#{input_id} + .button")
        shown = "(label) => getComputedStyle(label).outlineStyle"
        assert label.evaluate(shown) == "none"
        page.locator("#tab-live").focus()
        page.keyboard.press("Tab")
        page.locator(f"#{input_id}").focus()
        assert label.evaluate(shown) == "solid"
        page.locator("#tab-live").focus()


def test_a_pressed_button_looks_pressed_in_forced_colours(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    open_small(page, "coffee")
    page.locator("#tab-relief").click()
    ground = "(button) => getComputedStyle(button).backgroundColor"
    spin = page.locator("#relief-spin")
    before = spin.evaluate(ground)
    spin.click()
    expect(spin).to_have_attribute("aria-pressed", "true")
    assert spin.evaluate(ground) != before


def test_the_colours_of_the_legend_are_printed(page: Page) -> None:
    page.goto("/")
    exact = "(swatch) => getComputedStyle(swatch).printColorAdjust"
    assert page.locator(".swatch").first.evaluate(exact) == "exact"


def test_the_tabs_are_one_stop_and_the_arrow_keys_move_between_them(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-depth").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-compare")).to_be_focused()
    expect(page.locator("#panel-compare")).to_be_visible()
    expect(page.locator("#panel-depth")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#panel-live")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator("#tab-depth")).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator("#tab-live")).to_be_focused()
    expect(page.locator("#panel-live")).to_be_visible()


def test_the_arrow_keys_pass_over_the_tabs_that_need_a_photo(page: Page) -> None:
    page.goto("/")
    page.locator("#tab-depth").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-live")).to_be_focused()
    expect(page.locator("#panel-live")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-depth")).to_be_focused()


def test_a_photo_can_be_chosen_by_the_keyboard_alone(page: Page) -> None:
    # Listened for from the start: it takes the browser a moment to turn this on.
    with page.expect_file_chooser():
        page.goto("/")
        for _ in range(3):
            page.keyboard.press("Tab")
        expect(page.locator("#file")).to_be_focused()
        page.keyboard.press("Space")


def test_keys_of_the_browser_are_left_to_it(page: Page) -> None:
    """Such as Alt and left for back."""
    open_sample(page, "coffee")
    page.locator("#tab-relief").click()
    for selector in ("#tab-relief", "#relief", "#panel-depth .frame"):
        for key, own in (("ArrowLeft", True), ("ArrowLeft", False)):
            left_alone = page.locator(selector).first.evaluate(
                """(element, [key, altKey]) => {
                    const options = { key, altKey, bubbles: true, cancelable: true };
                    return element.dispatchEvent(new KeyboardEvent("keydown", options));
                }""",
                [key, own],
            )
            assert left_alone is own, selector


def test_a_photo_that_comes_in_leaves_the_focus_in_the_row_of_tabs(page: Page) -> None:
    open_sample(page, "coffee")
    page.locator("#tab-relief").click()
    expect(page.locator("#tab-relief")).to_be_focused()
    with page.expect_response("**/v1/depth?*"):
        paste(page, "cat.png", photo_bytes("chelsea.png"))
    expect(page.locator("#tab-relief")).to_be_focused()
