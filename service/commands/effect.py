"""``effect``: what depth is good for, of a photo or a folder of them, without a server."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Any

from service.api.effects.queries import EffectQuery, query_of
from service.bulk.local import on_processes
from service.commands.failing import fail
from service.commands.folder import beside, photo_order, run_folder, workers_of
from service.commands.options import add_options, given_options
from service.commands.output import listed, options_by_name, refuse_own_input
from service.effects.catalog import EFFECTS
from service.effects.record import Effect
from service.machine.cpu import cpu_budget
from service.pipeline.offline_effect import OfflineEffect
from service.settings import Settings

# They say what an uploaded depth map is, and there is none.
_OF_UPLOADS = ("depth_kind", "depth_scale", "invalid")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``effect``, with a command for each effect."""
    parser = subparsers.add_parser("effect", help="an effect of a photo or folder, no server")
    names = parser.add_subparsers(required=True, metavar="NAME", title="effects")
    for effect in EFFECTS.values():
        of_effect = names.add_parser(effect.name, help=effect.summary)
        of_effect.add_argument("photo", type=Path, help="a photo, or a folder of photos")
        of_effect.add_argument(
            *("-o", "--output"),
            type=Path,
            help=f"a file, whose suffix ({listed(effect.kinds)}) chooses what it is; for a folder, "
            "a folder. Default: beside the photo or folder",
        )
        of_effect.add_argument(
            "--workers", type=int, help="processes for a folder; default: one per core"
        )
        add_options(of_effect, query_of(effect), _OF_UPLOADS)
        of_effect.set_defaults(run=functools.partial(_effect, effect))


def offline_effect(effect: Effect[Any], query: EffectQuery) -> OfflineEffect:
    """What a query asks for."""
    own = query.model_fields_set & effect.options.model_fields.keys()
    return OfflineEffect(
        effect.name,
        effect.options(**{name: getattr(query, name) for name in own}),
        *(query.metres, query.near, query.far),
        query.choice,
    )


def _effect(effect: Effect[Any], arguments: argparse.Namespace, settings: Settings) -> int:
    photo: Path = arguments.photo
    of_file = arguments.output is not None and not photo.is_dir()
    known = options_by_name(arguments.output, effect.kinds, arguments) if of_file else {}
    wanted = offline_effect(effect, given_options(arguments, query_of(effect), **known))
    effect.refuse_unread(wanted.options, wanted.depth_kind(settings))
    if photo.is_dir():
        return _effect_of_folder(effect, wanted, arguments, settings)
    if arguments.workers is not None:
        return fail("--workers are for a folder.")
    output = arguments.output or wanted.output_name(photo)
    data = photo.read_bytes()
    refuse_own_input(photo, output)
    answer = wanted.make(wanted.network(settings), data)
    output.write_bytes(answer.body)
    print(f"{output}: {effect.name}, {answer.media_type}, {len(answer.body)} bytes")
    return 0


def _effect_of_folder(
    effect: Effect[Any], wanted: OfflineEffect, arguments: argparse.Namespace, settings: Settings
) -> int:
    folder: Path = arguments.photo
    outputs = arguments.output or beside(folder, wanted.name)
    processes = workers_of(arguments) or cpu_budget()
    # A worker is a core's; more threads would only compete.
    of_one_core = settings.model_copy(update={"threads": 1})
    order = photo_order(folder, outputs, effect.kinds, wanted, of_one_core)
    return run_folder(order, outputs, functools.partial(on_processes, processes=processes))
