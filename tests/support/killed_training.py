"""``python -m tests.support.killed_training``: the training command, killed after three steps."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from unittest import mock

from training.__main__ import main
from training.dataset import Batch
from training.train import Progress, Training

# A tenth of the pixels of a recipe's own, upright and lying.
SMALL_SHAPES = ((64, 96), (96, 64))

_advance = Training._advance


def _advance_until_the_third(training: Training, batch: Batch, checkpoint: Path) -> Progress:
    progress = _advance(training, batch, checkpoint)
    if progress.step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return progress


if __name__ == "__main__":
    with (
        mock.patch("training.dataset.SHAPES", SMALL_SHAPES),
        mock.patch.object(Training, "_advance", _advance_until_the_third),
    ):
        raise SystemExit(main())
