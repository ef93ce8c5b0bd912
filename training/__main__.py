"""Make the embedded network: ``python -m training all PHOTOS TEACHER`` or one step at a time."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import cv2
import torch

from service.errors import WeightsError
from service.evaluation.quantisation import QuantisationRefused
from service.inference.engines.quantised import SHIPPED_INT8
from service.machine.cpu import cpu_budget
from service.models.weights import sha256_of
from training.dataset import Labelled, teacher_labels, teacher_source, true_source
from training.evaluate import report
from training.recipe import Recipe
from training.scenes import GENERATION, scene_source
from training.student import NAME, Student, blended, from_imagenet, from_weights, save
from training.teacher import Merging, Teacher, label_folder
from training.train import Training


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error that the caller can mend is one line and exit status 1."""
    parsed = _parser().parse_args(arguments)
    torch.set_num_threads(cpu_budget())
    # Batches are made beside the step: its threads would wait for OpenCV's.
    cv2.setNumThreads(1)
    try:
        _keep_apart(parsed)
        for step in parsed.run:
            step(parsed)
    except (ValueError, OSError, ModuleNotFoundError, WeightsError, QuantisationRefused) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def label(parsed: argparse.Namespace) -> None:
    """Let the teacher label the photos; goes on where it was stopped."""
    teacher = _teacher(parsed)
    label_folder(teacher, parsed.photos, _labels(parsed, teacher))
    _held_out(parsed, teacher)


def train(parsed: argparse.Namespace) -> None:
    """Train on the labels, resuming from the checkpoint in the work folder, and export."""
    work: Path = parsed.work
    if parsed.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch finds no GPU: train without --device cuda")
    sources = [teacher_source(parsed.photos, _labels(parsed, _teacher(parsed)))]
    recipe = Recipe(
        steps=parsed.steps, batch=parsed.batch, checkpoint_every=parsed.checkpoint_every
    )
    sources += [
        true_source(pairs, work / "true", parsed.pairs_weight, recipe.true_trim)
        for pairs in parsed.pairs
    ]
    if parsed.scenes:
        covering = [labelled.photo for labelled in sources[0].photos]
        folder = work / f"scenes{GENERATION}-{sources[0].fingerprint()}"
        sources.append(
            scene_source(covering, folder, parsed.scenes, recipe.seed, parsed.scenes_weight)
        )
    if parsed.init is None:
        student, start = from_imagenet(recipe.seed), "ImageNet"
    else:
        student, start = from_weights(parsed.init), sha256_of(parsed.init)
        recipe = dataclasses.replace(recipe, decoder_share=0.0)
    training = Training(student, recipe, sources, start, parsed.device)
    checkpoint = work / "checkpoint.pt"
    training.resume(checkpoint)
    for _ in training.run(checkpoint):
        pass
    trained = training.averaged()
    if parsed.init is not None:
        trained = blended(trained, from_weights(parsed.init), parsed.keep)
    _export(trained, work)


def evaluate(parsed: argparse.Namespace) -> None:
    """Print the figures of the weights in the work folder, or of others, and keep them there."""
    weights = parsed.weights or _weights(parsed.work)
    digest = sha256_of(weights)
    teacher = _teacher(parsed)
    figures = report(from_weights(weights), teacher, _held_out(parsed, teacher))
    text = json.dumps({"sha256": digest, **figures}, indent=1)
    print(text)
    (parsed.work / f"scores-{digest[:8]}.json").write_text(text + "\n")


def quantise(parsed: argparse.Namespace) -> None:
    """Make the int8 graph of the network that ships, and print how it does beside fp32."""
    from training.quantise import quantise_embedded

    figures = quantise_embedded(parsed.photos, parsed.pairs, SHIPPED_INT8)
    print(json.dumps(figures, indent=1))


def _keep_apart(parsed: argparse.Namespace) -> None:
    """The photos are whatever lies in their folder: a tenth is held out, the rest is labelled."""
    if parsed.run == (quantise,):
        return
    photos: Path = parsed.photos
    for folder in (parsed.work, *getattr(parsed, "pairs", ())):
        if folder.resolve().is_relative_to(photos.resolve()):
            raise ValueError(f"{folder} is within {photos}, all of which counts as photos")


def _held_out(parsed: argparse.Namespace, teacher: Teacher) -> tuple[Labelled, ...]:
    found = teacher_labels(parsed.photos, _labels(parsed, teacher), held_out=True)
    if not found:
        raise ValueError(
            f"none of the tenth of {parsed.photos} that is held out has a label: label them, or "
            "take more photos"
        )
    return found


def _export(student: Student, work: Path) -> None:
    target = _weights(work)
    save(student, target)
    entry = {
        "file": target.name,
        "bytes": target.stat().st_size,
        "sha256": sha256_of(target),
        "parameters": sum(parameter.numel() for parameter in student.parameters()),
    }
    print(json.dumps(entry, indent=1))
    print(f"{target} fits service/models/embedded/; its entry in service/models/entries/: above")


def _teacher(parsed: argparse.Namespace) -> Teacher:
    files = [parsed.teacher, *parsed.beside]
    for file in files:
        if not file.is_file():
            raise ValueError(f"there is no teacher at {file}")
    return Teacher(files, Merging(tuple(parsed.layout), tuple(parsed.detail), parsed.sigma))


def _labels(parsed: argparse.Namespace, teacher: Teacher) -> Path:
    """Labels of another teacher, or merged otherwise, are in another folder."""
    folder: Path = parsed.work / f"labels-{teacher.fingerprint}"
    return folder


def _weights(work: Path) -> Path:
    return work / f"{NAME}.safetensors"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    recipe = {field.name: field.default for field in dataclasses.fields(Recipe)}
    for name, steps, text in (
        ("all", (label, train, evaluate), "label, train, export and evaluate"),
        ("label", (label,), "let the teacher label the photos"),
        ("train", (train,), "train on the labels, and export"),
        ("evaluate", (evaluate,), "score weights on true depth and on the held-out photos"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("photos", type=Path, help="a folder of photos of any kind")
        command.add_argument(
            "teacher",
            type=Path,
            help="an ONNX or OpenVINO network of photos of any size, RGB in 0..255 to inverse "
            "depth; or weights of the embedded network",
        )
        command.add_argument(
            "--beside",
            type=Path,
            action="append",
            default=[],
            help="another teacher, repeatable: a label is the mean of what they say",
        )
        command.add_argument(
            "--work",
            type=Path,
            default=Path("training-work"),
            help="folder of labels, checkpoint and results (default: training-work)",
        )
        merging = Merging()
        for option, sides, said in (
            ("--layout", merging.layout, "what is broad in labels is what teachers say at"),
            ("--detail", merging.details, "what is fine in them is what teachers say at"),
        ):
            command.add_argument(
                option,
                type=int,
                nargs="+",
                default=sides,
                help=f"sizes (sides of squares of as many pixels): {said}",
            )
        command.add_argument(
            "--sigma",
            type=float,
            default=merging.sigma,
            help="share of a label's longer side that parts broad from fine (default: 0.03)",
        )
        if train in steps:
            command.add_argument(
                "--init", type=Path, help="weights to go on from (default: an ImageNet encoder)"
            )
            command.add_argument(
                "--device",
                choices=("cpu", "cuda"),
                default="cpu",
                help="cuda to train on a GPU (default: cpu)",
            )
            command.add_argument(
                "--keep",
                type=float,
                default=0.0,
                help="share of the --init weights in what is exported (default: 0)",
            )
            command.add_argument("--steps", type=int, default=recipe["steps"])
            command.add_argument("--batch", type=int, default=recipe["batch"])
            command.add_argument(
                "--checkpoint-every",
                type=int,
                default=recipe["checkpoint_every"],
                help="steps between checkpoints (default: 50)",
            )
            command.add_argument(
                "--scenes",
                type=int,
                default=1600,
                help="made-up scenes with exact depth (default: 1600)",
            )
            command.add_argument(
                "--scenes-weight",
                type=float,
                default=0.6,
                help="their share of a batch beside the photos' 1 (default: 0.6)",
            )
            command.add_argument(
                "--pairs",
                type=Path,
                action="append",
                default=[],
                help="a folder of photos with true depth (a.jpg, a.npy in metres); repeatable",
            )
            command.add_argument(
                "--pairs-weight",
                type=float,
                default=0.25,
                help="each such folder's share beside the photos' 1 (default: 0.25)",
            )
        command.set_defaults(run=steps, weights=None)
        if steps == (evaluate,):
            command.add_argument("--weights", type=Path, help="another file than the trained one")
    quantising = commands.add_parser(
        "quantise", help="write the int8 graph of the network that ships, by photos"
    )
    quantising.add_argument("photos", type=Path, help="the folder of photos it was trained on")
    quantising.add_argument(
        "--pairs", type=Path, help="photos with true depth to score by (default: the motorcycle)"
    )
    quantising.set_defaults(run=(quantise,))
    return parser


if __name__ == "__main__":
    sys.exit(main())
