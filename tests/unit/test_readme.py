"""The README says the same in Chinese as in English."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.server import ROOT

_COMMENT = re.compile(r"(^|\s)# .*$", re.MULTILINE)
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_TABLE_LINE = re.compile(r"^\|(.*)\|$", re.MULTILINE)
# What no translation changes: code, and numbers.
_CODE = re.compile(r"`[^`]+`")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LINK = re.compile(r"\]\(([^)]+)\)")


def texts() -> list[str]:
    return [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]


def commands(text: str) -> list[str]:
    blocks = "\n".join(_BLOCK.findall(text))
    lines = _COMMENT.sub("", blocks).splitlines()
    return [line.strip() for line in lines if line.strip()]


def rows(text: str) -> list[tuple[int, list[str], list[str]]]:
    """Of each table line: its cells, its code spans and its other numbers."""
    return [
        (line.count("|"), sorted(_CODE.findall(line)), sorted(_NUMBER.findall(_CODE.sub("", line))))
        for line in _TABLE_LINE.findall(text)
    ]


def test_both_readmes_give_the_same_commands() -> None:
    english, chinese = map(commands, texts())
    assert english
    assert english == chinese


def test_both_readmes_have_the_same_tables() -> None:
    english, chinese = map(rows, texts())
    differences = [pair for pair in zip(english, chinese, strict=False) if pair[0] != pair[1]]
    assert differences == []
    assert len(english) == len(chinese)


def test_both_readmes_have_the_same_sections() -> None:
    english, chinese = ([len(mark) for mark in _HEADING.findall(text)] for text in texts())
    assert english == chinese


def test_every_file_that_a_readme_links_exists() -> None:
    for text in texts():
        links = [link for link in _LINK.findall(text) if "://" not in link and link[0] != "#"]
        assert links
        assert [link for link in links if not (ROOT / Path(link)).exists()] == []
