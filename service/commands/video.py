"""``video``: steady depth of a clip, without a server."""

from __future__ import annotations

import argparse
import contextlib
import math
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from service.api.metres import MetresQuery
from service.api.network_query import NetworkQuery
from service.commands.failing import INTERRUPTED, fail
from service.commands.options import add_options, given_options
from service.commands.output import refuse_own_input
from service.effects.stereo import PICTURE_LAYOUTS, StereoLayout
from service.errors import InvalidParameter
from service.imaging.render import Colormap
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.clip import Span
from service.video.order import FrameFormat, Look, Scale, VideoOrder
from service.video.painting import LOOKS
from service.video.run import VideoSummary, Watch, make_video

# A frame every 17 minutes; codecs count rates in fractions of small numbers.
_LEAST_RATE = 0.001


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``video``."""
    parser = subparsers.add_parser("video", help="steady depth of a clip, without a server")
    parser.add_argument("clip", type=Path, help="a video file")
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        required=True,
        help=".mp4, .mkv, .webm or .mov; .zip or a folder for a file a frame",
    )
    parser.add_argument("--resume", action="store_true", help="go on where a run was ended")
    parser.add_argument(
        "--colormap", choices=list(Colormap), type=Colormap, default=Colormap.INFERNO
    )
    parser.add_argument("--anchors", help="x,y,metres;... in the first frame: depth in metres")
    add_look_arguments(parser)
    add_options(parser, NetworkQuery)
    parser.set_defaults(run=_video)


def add_look_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says what is made of a clip, and of which part."""
    looks = ", ".join(f"{look}: {record.summary}" for look, record in LOOKS.items())
    parser.add_argument("--look", choices=list(Look), type=Look, default=Look.HEATMAP, help=looks)
    parser.add_argument(
        "--layout",
        choices=list(PICTURE_LAYOUTS),
        type=StereoLayout,
        default=StereoLayout.ANAGLYPH,
        help="of stereo",
    )
    parser.add_argument(
        "--frames",
        choices=list(FrameFormat),
        type=FrameFormat,
        default=FrameFormat.PNG,
        help="files of depth in a folder or ZIP; exr needs the extra exr",
    )
    parser.add_argument("--fps", type=float, help="at most so many frames per second")
    parser.add_argument("--start", type=float, help="second from which on")
    parser.add_argument("--end", type=float, help="second up to which")
    parser.add_argument(
        "--scale",
        choices=list(Scale),
        type=Scale,
        default=Scale.ADAPTIVE,
        help="global: one for each scene, found by a first pass",
    )
    parser.add_argument("--silent", action="store_true", help="leave the sound out")


def order_of(arguments: argparse.Namespace) -> VideoOrder:
    """What the arguments say; raises :class:`InvalidParameter`."""
    start, end, fps = arguments.start, arguments.end, arguments.fps
    if start is not None and not 0 <= start < math.inf:
        raise InvalidParameter("--start must be 0 or more.")
    if end is not None and not end > (start or 0):
        raise InvalidParameter("--end must be after --start.")
    if fps is not None and not _LEAST_RATE <= fps <= 1000:
        raise InvalidParameter(f"--fps must be from {_LEAST_RATE} to 1000.")
    return VideoOrder(
        look=arguments.look,
        colormap=arguments.colormap or Colormap.INFERNO,
        layout=arguments.layout,
        frames=arguments.frames,
        scale=arguments.scale,
        span=Span(start, end, fps),
        metres=given_options(arguments, MetresQuery).metres,
        network=given_options(arguments, NetworkQuery).choice,
        sound=not arguments.silent,
    )


def _video(arguments: argparse.Namespace, settings: Settings) -> int:
    order = order_of(arguments)
    if not arguments.output.absolute().parent.is_dir():
        return fail(f"{arguments.output}: there is no folder to put it in")
    refuse_own_input(arguments.clip, arguments.output)
    with _stopped_by_interrupts() as stopped, contextlib.closing(_Bar()) as bar:
        summary = make_video(
            arguments.clip,
            arguments.output,
            order,
            lambda: OfflineNetwork(order.network, settings),
            arguments.resume,
            Watch(bar.begin, bar.frame, stopped.is_set),
        )
    _tell(arguments.output, summary)
    return 0 if summary.is_whole else INTERRUPTED


def _tell(output: Path, summary: VideoSummary) -> None:
    notes = []
    if summary.repeated:
        notes.append(f"{summary.repeated} could not be decoded and repeat the one before")
    if summary.lost_metres:
        notes.append("metres end at the first cut")
    words = "; ".join([f"{summary.frames} frames, {summary.seconds:.1f} s", *notes])
    if summary.is_whole:
        print(f"{output}: {words}")
        return
    print(
        f"interrupted; the same command with --resume goes on from here ({words})", file=sys.stderr
    )


class _Bar:
    """Frames done, frames per second, time left."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, stage: str, frames: int | None) -> None:
        self.close()
        self._bar = tqdm(total=frames, unit="frame", desc=stage)

    def frame(self, frames: int) -> None:
        self._bar.update(frames)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextlib.contextmanager
def _stopped_by_interrupts() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C, so that a frame is finished; the second one ends at once."""
    stopped = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
