"""``settings``: the table of all settings, as docs/settings.md shows it."""

from __future__ import annotations

from enum import Enum

from service.settings import Settings


def settings_table() -> str:
    """A Markdown table of every environment variable, its default and its meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default.value if isinstance(field.default, Enum) else field.default
        shown = "empty" if default in (None, "", ()) else f"`{default}`"
        rows.append(f"| `DEPTH_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)
