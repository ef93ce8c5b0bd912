"""The examples of the documentation."""

from __future__ import annotations

import re

from tests.support.server import ROOT


def examples(document: str, language: str) -> list[str]:
    """The blocks of code in that language; ``document`` is a path from the root."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
