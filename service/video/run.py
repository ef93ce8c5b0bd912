"""From a clip to the output: decoded, inferred and encoded side by side, part by part."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from service import __version__
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import NetworkInput, transform_for_network
from service.imaging.steady_depth import SceneEnds, SteadyDepth
from service.imaging.transforms import Rgb, to_pixels
from service.machine.files import file_version
from service.pipeline.offline import OfflineNetwork
from service.video.clip import Clip, ClipFrame
from service.video.numbers import DepthNumbers
from service.video.order import Scale, VideoOrder
from service.video.overlap import ahead
from service.video.painting import Painter, Shot
from service.video.parts import Parts, State
from service.video.scenes import find_scenes
from service.video.sound import Sound
from service.video.targets import Target, Timing, target_for

T = TypeVar("T")


@dataclass
class VideoSummary:
    """What was made; ``repeated`` frames could not be decoded. ``lost_metres``: by a cut."""

    frames: int = 0
    repeated: int = 0
    seconds: float = 0.0
    is_whole: bool = True
    lost_metres: bool = False


@dataclass(frozen=True)
class Watch:
    """Who looks on. ``begin`` is told of a stage and how many frames it has, as far as known.

    ``frame`` is called after each frame with how many, ``is_stopped`` asked before.
    """

    begin: Callable[[str, int | None], None] = lambda stage, frames: None
    frame: Callable[[int], None] = lambda frames: None
    is_stopped: Callable[[], bool] = lambda: False


def make_video(
    clip: Path,
    output: Path,
    order: VideoOrder,
    load: Callable[[], OfflineNetwork],
    resume: bool | None = False,
    watch: Watch | None = None,
) -> VideoSummary:
    """Make ``output`` of ``clip``; blocks until it is there, or ``watch`` stops it.

    The network is loaded when the clip is known to be one.

    What is stopped leaves a whole file of what is done, and parts to ``resume`` from; None goes on
    where there is anything to go on with. Raises
    :class:`InvalidParameter` for what is no clip and for what the output cannot hold, and then
    leaves nothing.
    """
    watch = watch or Watch()
    target, parts = target_for(output, order, resume is not False), Parts(output)
    with Clip(clip) as opened:
        network = load()
        order.metres.check(network.spec.kind)
        identity = _identity(clip, order, network)
        goes_on = parts.are_of(identity) if resume is None else resume
        done = parts.open(identity, goes_on)
        try:
            scenes = _scenes(clip, order, network, parts, watch)
            if watch.is_stopped():
                return VideoSummary(is_whole=False)
            run = _Run(opened, order, network, target, parts, scenes)
            summary = run.make(done, watch)
            if summary.frames:
                run.join(order.sound)
        except BaseException:
            # Nothing to go on with: the first part was not even begun well.
            if not parts.has_any():
                parts.remove()
            raise
    if summary.is_whole:
        parts.remove()
    return summary


def _identity(clip: Path, order: VideoOrder, network: OfflineNetwork) -> dict[str, Any]:
    """What two runs must have in common for one to go on where the other ended."""
    version = file_version(clip)
    return {
        **network.identity_of(order),
        "clip": [str(clip.resolve()), *(version or ())[:2]],
        "engine": network.labels.engine,
        "precision": network.labels.precision,
        "service": __version__,
    }


def _scenes(
    clip: Path, order: VideoOrder, network: OfflineNetwork, parts: Parts, watch: Watch
) -> list[SceneEnds] | None:
    """Of the whole clip, where one scale is asked for; from an earlier run if it has it.

    None without, and where ``watch`` stops it.
    """
    if order.scale is not Scale.GLOBAL:
        return None
    kept = parts.scenes()
    if kept is None:
        with Clip(clip) as opened:
            watch.begin("scale", opened.count(order.span))
            with contextlib.closing(_seen(opened, order, network.smaller(), 0)) as seen:
                scenes = find_scenes(_until(watch.is_stopped, seen), watch.frame)
            if watch.is_stopped():
                return None
            kept = [dataclasses.asdict(scene) for scene in scenes]
        parts.keep_scenes(kept)
    return [SceneEnds(**scene) for scene in kept]


def _until(is_stopped: Callable[[], bool], items: Iterable[T]) -> Iterator[T]:
    for item in items:
        if is_stopped():
            return
        yield item


def _seen(
    clip: Clip, order: VideoOrder, network: OfflineNetwork, skip: int
) -> Generator[tuple[ClipFrame, DepthMap, Rgb]]:
    """Frames, their depth, and what the network was shown, each stage in a thread."""
    rule = network.spec.input_rule

    def shown() -> Generator[tuple[ClipFrame, NetworkInput]]:
        for frame in clip.frames(order.span, skip):
            height, width = frame.pixels.shape[:2]
            yield frame, transform_for_network(Photo(frame.pixels, width, height), rule)

    with contextlib.closing(ahead(shown())) as frames:
        for frame, prepared in frames:
            estimate = network.estimate_of(prepared)
            yield frame, estimate.depth, to_pixels(estimate.shown, rule)


class _Run:
    """One pass over a clip."""

    def __init__(
        self,
        clip: Clip,
        order: VideoOrder,
        network: OfflineNetwork,
        target: Target,
        parts: Parts,
        scenes: list[SceneEnds] | None,
    ) -> None:
        self._clip, self._order, self._network = clip, order, network
        self._target, self._parts = target, parts
        # What is known in metres of the first frame holds in its scale.
        self._steady = SteadyDepth(0.0 if order.metres.wanted else 0.1, scenes=scenes)
        self._numbers = DepthNumbers(network.spec, order.metres)
        self._painter = Painter(order)
        rate = clip.rate
        if order.span.fps is not None and order.span.fps < rate:
            rate = rate.__class__(order.span.fps).limit_denominator(1001)
        self._timing = Timing(clip.time_base, rate)
        self._made: list[Path] = []
        self._summary = VideoSummary()
        self._first_time = self._last_time = 0

    def make(self, done: list[Path], watch: Watch) -> VideoSummary:
        """All parts but those that are done; the last one of a stopped run is cut short."""
        self._made, summary = list(done), self._summary
        if done:
            self._restore(self._parts.state(done[-1]))
        watch.begin("video", self._clip.count(self._order.span))
        watch.frame(summary.frames)
        # The clip is closed only when nobody decodes any more.
        with contextlib.closing(
            ahead(_seen(self._clip, self._order, self._network, summary.frames))
        ) as frames:
            self._make_parts(frames, watch)
        step = 1 / float(self._timing.rate)
        summary.seconds = float(self._last_time * self._timing.time_base) + step
        summary.lost_metres = self._numbers.is_lost
        return summary

    def _make_parts(self, frames: Iterable[tuple[ClipFrame, DepthMap, Rgb]], watch: Watch) -> None:
        summary = self._summary
        writer, part = None, None
        for frame, depth, picture in frames:
            if writer is None:
                part = self._parts.begin(len(self._made))
                self._made.append(part)
                writer = self._target.begin(part, self._painter, self._timing)
                if not summary.frames:
                    self._first_time = frame.time
            time = frame.time - self._first_time
            writer.add(self._shot(frame, depth, picture), frame.number, time)
            summary.frames += 1
            summary.repeated += frame.repeated
            self._last_time = time
            watch.frame(1)
            if summary.frames % self._order.frames_a_part == 0 and part is not None:
                writer.finish()
                self._parts.finish(part, self._state())
                writer = None
            if watch.is_stopped():
                summary.is_whole = False
                break
        if writer is not None:
            writer.finish()

    def join(self, with_sound: bool) -> None:
        """Put the parts together, with what was heard meanwhile."""
        if not with_sound:
            return self._target.join(self._made, None, self._timing)
        start = self._clip.origin + float(self._first_time * self._timing.time_base)
        with Sound(self._clip.path, start, start + self._summary.seconds) as sound:
            return self._target.join(self._made, sound, self._timing)

    def _shot(self, frame: ClipFrame, depth: DepthMap, picture: Rgb) -> Shot:
        steady = self._steady.follow(depth, picture)
        numbers = self._numbers.depth(steady)
        return Shot(frame.pixels, self._numbers.near(steady), numbers, steady.starts_scene)

    def _state(self) -> State:
        counts = [self._summary.frames, self._summary.repeated, self._first_time, self._last_time]
        return {
            "counts": np.array(counts),
            **self._steady.state(),
            **self._numbers.state(),
            **self._painter.state(),
        }

    def _restore(self, state: State) -> None:
        frames, repeated, self._first_time, self._last_time = state["counts"].tolist()
        self._summary.frames, self._summary.repeated = frames, repeated
        self._steady.restore(state)
        self._numbers.restore(state)
        self._painter.restore(state)
