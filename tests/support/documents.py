"""The examples of the documentation."""

from __future__ import annotations

import re

from tests.support.server import ROOT


def examples(document: str, language: str, chapter: str = "") -> list[str]:
    """The blocks of code in that language, of one ``chapter`` or of all, in the order they stand.

    ``document`` is a path from the root.
    """
    text = (ROOT / document).read_text(encoding="utf-8")
    if chapter:
        text = text.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
