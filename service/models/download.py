"""Pull official weights: resumable, verified, installed atomically."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path

import httpx
from filelock import FileLock
from tqdm import tqdm

from service.errors import WeightsError
from service.models.spec import NetworkSpec, WeightsFile
from service.models.weights import VerifiedWeights, WeightsStore, fsync_replace, sha256_of

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def pull(
    spec: NetworkSpec,
    store: WeightsStore,
    *,
    mirror: str = "",
    progress: bool = True,
    seconds: float | None = None,
) -> VerifiedWeights:
    """Fetch the official weights of ``spec`` into ``store`` and verify them.

    An interrupted download is continued by the next call; custom weights are forgotten. Where no
    hash is published, that of the first pull is recorded and counts from then on.
    ``mirror`` is a base URL that replaces the official address. After ``seconds``, if given, it
    ends as if the server had broken off. Raises :class:`WeightsError` when the server cannot be
    reached, answers with an error, or serves other bytes than the official ones; nothing is
    installed then.
    """
    store.create()
    if spec.embedded:
        store.forget_recorded(spec)
        return store.verify(spec)
    if spec.weights.url is None and not mirror:
        raise WeightsError(
            f"There is no stable address of {spec.weights.file}. Get it as {spec.source} says and "
            f"run `depth-service models add {spec.name} --file PATH --trust`."
        )
    target = store.official_path(spec)
    with FileLock(target.with_suffix(".lock")):
        expected = spec.weights.sha256 or store.first_use_sha256(spec)
        if not (target.is_file() and sha256_of(target) == expected):
            url = _url(spec.weights, mirror)
            partial = target.with_name(target.name + ".part")
            try:
                _fetch(
                    *(url, partial, spec.weights.bytes, expected is not None),
                    progress=progress,
                    seconds=seconds,
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise WeightsError(_unreachable(spec, url, error)) from error
            except OSError as error:
                raise WeightsError(
                    f"The download cannot be written: {error.strerror}. What has arrived is kept "
                    "and the next pull goes on from there."
                ) from error
            _install(partial, target, spec, expected)
        if spec.weights.sha256 is None:
            return store.record_first_use(spec)
        store.forget_recorded(spec)
    return store.verify(spec)


def _url(weights: WeightsFile, mirror: str) -> str:
    return f"{mirror.rstrip('/')}/{weights.file}" if mirror else str(weights.url)


def _fetch(
    url: str,
    partial: Path,
    total: int | None,
    is_checked: bool,
    *,
    progress: bool,
    seconds: float | None,
) -> None:
    """Stream ``url`` into ``partial``, continuing after the bytes that are already there.

    Of a file whose hash is not checked afterwards only if the server says that it is the same file.
    """
    ends = math.inf if seconds is None else time.monotonic() + seconds
    have = partial.stat().st_size if partial.is_file() else 0
    if total is not None and have >= total:
        return
    tag = _tag_of(partial)
    known = tag.read_text() if tag.is_file() else ""
    if not (known or is_checked):
        have = 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": known} if known else {})
    with (
        httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                # Fetched to its end, and not installed yet.
                return
            partial.unlink()
            raise WeightsError(
                "The server's file is smaller than what an earlier pull had fetched, so that was "
                "thrown away. Pull again."
            )
        response.raise_for_status()
        # A server that ignores Range answers 200 with the whole file: start over.
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        start = have if resumed else 0
        if not resumed:
            etag = response.headers.get("ETag", "")
            # A weak one does not promise the same bytes.
            tag.write_text("" if etag.startswith("W/") else etag)
        with (
            partial.open("ab" if resumed else "wb") as file,
            tqdm(
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                desc=partial.stem,
                disable=not progress,
            ) as bar,
        ):
            for chunk in response.iter_raw():
                file.write(chunk)
                bar.update(len(chunk))
                start += len(chunk)
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout(f"not all within {seconds:g} seconds")
                # Not the official file, then; the hash will say so.
                if total is not None and start > total:
                    return


def _tag_of(partial: Path) -> Path:
    """Where it is kept of which of the server's files ``partial`` is the beginning: its ETag."""
    return partial.with_name(f"{partial.name}.etag")


def _install(partial: Path, target: Path, spec: NetworkSpec, sha256: str | None) -> None:
    """Move a complete download in place, if it is what it should be."""
    size, expected = partial.stat().st_size, spec.weights.bytes
    if expected is not None and size < expected:
        raise WeightsError(
            f"The download of {spec.name} ended after {size} of {expected} bytes. "
            "Pull again to continue."
        )
    try:
        _check(partial, spec, sha256)
    except WeightsError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    fsync_replace(partial, target)
    _tag_of(partial).unlink(missing_ok=True)


def _check(partial: Path, spec: NetworkSpec, expected: str | None) -> None:
    if expected is None:
        # What loads strictly is at least no error page.
        from service.models.checkpoint import load_network

        load_network(spec, partial)
        return
    actual = sha256_of(partial)
    if actual != expected:
        which = "the official file" if spec.weights.sha256 else "the one that was first pulled"
        raise WeightsError(
            f"The server's {spec.weights.file} is not {which}: SHA-256 is {actual}, expected "
            f"{expected}. Nothing was installed."
        )


def _unreachable(spec: NetworkSpec, url: str, error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        reason = f"the server answered {error.response.status_code}."
    else:
        reason = "the server cannot be reached or broke off; is this machine offline?"
    return (
        f"{spec.name} was not pulled from {url}: {reason} What has arrived is "
        "kept, and the next pull goes on from there. "
        f"Or fetch the file on another machine and run `depth-service models add {spec.name} "
        "--file PATH`, or set DEPTH_WEIGHTS_MIRROR to a server that has it."
    )
