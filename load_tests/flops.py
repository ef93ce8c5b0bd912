"""Work of every network on one photo, counted as torch's operators run on shapes alone.

    python -m load_tests.flops [NAME ...]

GFLOP: a multiplication and an addition are two operations; attention's products are among them.
Needs no weights and takes seconds. Prints the table of docs/models.md; the registry's ``gflop`` is
that at the usual input.
"""

from __future__ import annotations

import argparse

import torch
from torch.utils.flop_counter import FlopCounterMode

from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec

_GIGA = 1e9


def gflop(spec: NetworkSpec, width: int, height: int) -> float:
    """GFLOP of ``spec`` on a network input of this size in pixels."""
    with torch.device("meta"), torch.inference_mode():
        network = spec.build().eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, height, width))
    return float(counter.get_total_flops()) / _GIGA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    print("| network | parameters | usual input | GFLOP | input for 1280x720 | GFLOP |")
    print("|---|---|---|---|---|---|")
    for name in parser.parse_args().names or SPECS:
        spec = find_spec(name)
        cells = [f"`{name}`", f"{spec.parameters / 1e6:.1f} M"]
        for width, height in (spec.input_rule.target_size, spec.input_rule.network_size(1280, 720)):
            cells += [f"{width}x{height}", f"{gflop(spec, width, height):.1f}"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
