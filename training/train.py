"""The training loop: resumes where it was killed, and leaves averaged weights."""

from __future__ import annotations

import contextlib
import copy
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import trange

from service.machine.cpu import cpu_budget, has_native_bf16
from training.dataset import Batch, Batches, Source
from training.losses import range_anchor, relief, scale_and_shift_invariant
from training.recipe import Recipe
from training.student import Student

_FIXED = ("conv_stem", "bn1", "blocks.0.", "blocks.1.")
_RECENT = 0.98
_LEAST_KNOWN = 0.02
"""Of a label's pixels."""


@dataclass(frozen=True)
class Progress:
    """How far a training is, and its loss, averaged over about the last fifty steps."""

    step: int
    loss: float


class Training:
    """One student, its optimiser and its average, at some step of a recipe.

    ``start`` names the weights that the student comes with. ``device`` is torch's name of it; where
    it is not the processor, all cores make batches.
    """

    def __init__(
        self,
        student: Student,
        recipe: Recipe,
        sources: Sequence[Source],
        start: str = "",
        device: str = "cpu",
    ) -> None:
        self.recipe = recipe
        self._device = torch.device(device)
        self._origin = [start, *(source.fingerprint() for source in sources)]
        self.student = student.to(self._device).to(memory_format=torch.channels_last).train()
        averaging = get_ema_multi_avg_fn(recipe.ema)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.student, multi_avg_fn=averaging)
        encoder = [
            parameter
            for name, parameter in student.network.encoder.named_parameters()
            if not name.startswith(_FIXED)
        ]
        inside = {id(parameter) for parameter in student.network.encoder.parameters()}
        decoder = [p for p in student.parameters() if id(p) not in inside]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": decoder, "top": recipe.decoder_rate},
                {"params": encoder, "top": recipe.encoder_rate},
            ],
            weight_decay=recipe.weight_decay,
        )
        self._batches = Batches(sources, recipe.batch, recipe.seed)
        self.step = 0
        self.loss = math.nan

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint, if there is one.

        Raises :class:`ValueError` for one of another recipe, start or data, or that is further
        than the recipe goes. Only how long to train, and how often to save, may differ; training
        for longer raises the learning rates again, to where the longer schedule has them.
        """
        if not checkpoint.exists():
            return
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if _fixed(state["recipe"]) != _fixed(asdict(self.recipe)):
            raise ValueError(f"{checkpoint} is of another recipe: remove it, or give that recipe")
        if state["origin"] != self._origin:
            raise ValueError(f"{checkpoint} is of other photos, labels or weights: remove it")
        if state["step"] > self.recipe.steps:
            raise ValueError(f"{checkpoint} is at step {state['step']} already")
        self.student.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.loss = state["step"], state["loss"]

    def save(self, checkpoint: Path) -> None:
        """Write all that :meth:`resume` needs; a kill leaves the previous one whole."""
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        unfinished = checkpoint.with_suffix(".part")
        state: dict[str, Any] = {
            "recipe": asdict(self.recipe),
            "origin": self._origin,
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "loss": self.loss,
        }
        torch.save(state, unfinished)
        unfinished.replace(checkpoint)

    def run(self, checkpoint: Path) -> Iterator[Progress]:
        """Train to the recipe's last step, saving on the way and at the end.

        A kill at any moment costs the steps since the last checkpoint.
        """
        bar = trange(
            self.step,
            self.recipe.steps,
            desc="train",
            unit="step",
            initial=self.step,
            total=self.recipe.steps,
        )
        # Threads make the next batches while this one is computed. A process would be forked from
        # one whose libraries have threads, and could hang on a lock that one of them held.
        makers = 1 if self._device.type == "cpu" else cpu_budget()
        with ThreadPoolExecutor(makers) as pool:
            upcoming: deque[Future[Batch]] = deque()
            asked = self.step
            for _ in bar:
                while asked < self.recipe.steps and len(upcoming) < 2 * makers:
                    upcoming.append(pool.submit(self._batches.__getitem__, asked))
                    asked += 1
                yield self._advance(upcoming.popleft().result().on(self._device), checkpoint)
                bar.set_postfix(loss=f"{self.loss:.4f}")

    def _advance(self, batch: Batch, checkpoint: Path) -> Progress:
        loss = self._step(batch)
        past = loss if math.isnan(self.loss) else self.loss
        self.loss = _RECENT * past + (1 - _RECENT) * loss
        self.step += 1
        if self.step % self.recipe.checkpoint_every == 0 or self.step == self.recipe.steps:
            self.save(checkpoint)
        return Progress(self.step, self.loss)

    def averaged(self) -> Student:
        """The weights that ship: their moving average over the steps, on the processor."""
        return cast(Student, copy.deepcopy(self.average.module).cpu())

    def _step(self, batch: Batch) -> float:
        self._set_rates()
        image = batch.image.contiguous(memory_format=torch.channels_last)
        with _precision(self._device):
            prediction = self.student(image)
        loss = batch_loss(prediction.float(), batch, self.recipe)
        if not loss.isfinite():
            raise ValueError(f"the loss of step {self.step} is {float(loss)}")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.student.parameters(), self.recipe.largest_gradient)
        self._optimizer.step()
        self.average.update_parameters(self.student)
        return float(loss.detach())

    def _set_rates(self) -> None:
        decoder_only = self.step < self.recipe.decoder_steps
        for name, parameter in self.student.network.encoder.named_parameters():
            parameter.requires_grad_(not decoder_only and not name.startswith(_FIXED))
        factor = schedule(self.step, self.recipe)
        for group in self._optimizer.param_groups:
            group["lr"] = group["top"] * factor


def batch_loss(prediction: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """The mean over a batch of what a student is trained to lower.

    Samples whose label is too little known teach nothing and do not count. The flatter one is, the
    less its shape counts, which is noise at last, and the more that it is flat.
    """
    usable = batch.known.float().mean((1, 2)) >= _LEAST_KNOWN
    prediction, target, known = prediction[usable], batch.target[usable], batch.known[usable]
    trim = batch.trim[usable]
    shape = (relief(target, known) / recipe.full_relief).clamp(max=1)
    invariant = scale_and_shift_invariant(prediction, target, known, trim, recipe.gradient_weight)
    anchor = range_anchor(prediction, target, known, recipe.full_relief)
    # One wrong pixel among those that are to be trimmed would set the anchor's range.
    anchor = torch.where(trim > 0, 0.0, anchor)
    return (shape * invariant + recipe.anchor_weight * anchor).sum() / usable.sum().clamp(min=1)


def schedule(step: int, recipe: Recipe) -> float:
    """Share (0..1) of the top learning rates at a step."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    return warm * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))


def _fixed(recipe: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in ("steps", "checkpoint_every")}


def _precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Half the time where bfloat16 is multiplied in hardware; emulated it would be slower."""
    if device.type != "cpu" or has_native_bf16():
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()
