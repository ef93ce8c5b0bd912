"""Every network has its numbers, its line in the documents, and true figures in its entry."""

from __future__ import annotations

import re

import pytest
import torch

from load_tests.flops import gflop
from service.models.registry import SPECS, find_spec
from tests.golden.official import golden_names
from tests.support.server import ROOT

DOCUMENT = ROOT / "docs" / "models.md"
# Rows of its tables begin so.
_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("name", SPECS)
def test_it_has_numbers_of_the_official_code_or_says_why_not(name: str) -> None:
    assert (name in golden_names()) != (find_spec(name).unchecked is not None), (
        f"{name}: either numbers in tests/golden/{name} or a reason in its entry's `unchecked`"
    )


def test_there_are_no_numbers_of_networks_that_are_not_there() -> None:
    assert set(golden_names()) <= set(SPECS)


@pytest.mark.parametrize("name", SPECS)
def test_it_is_a_row_in_the_documents(name: str) -> None:
    assert name in _ROW.findall(DOCUMENT.read_text()), f"{name}: no row in docs/models.md"


@pytest.mark.parametrize("name", SPECS)
def test_its_entry_states_the_true_parameters_and_work(name: str) -> None:
    spec = find_spec(name)
    with torch.device("meta"):
        network = spec.build()
    assert sum(p.numel() for p in network.parameters()) == spec.parameters
    assert gflop(spec, *spec.input_rule.target_size) == pytest.approx(spec.gflop, abs=0.051)
