"""Where weights live on disk, and the rule that none is used unverified.

``weights_dir`` holds official files under their official names (a user may drop one in by hand:
its hash is checked like any other) and files whose hash only we know, each with a record
``<network>.json`` of the SHA-256 that every later load checks: those that ``models add --trust``
installed, and pulled ones of networks whose official hash is not published.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from service.errors import WeightsError
from service.machine.files import FileVersion, file_version
from service.models.spec import EMBEDDED_DIR, NetworkSpec


class Origin(StrEnum):
    """Who vouches for a weights file."""

    EMBEDDED = "embedded"
    OFFICIAL = "official"
    FIRST_USE = "first_use"
    """The official address gave it; nobody publishes its hash, so the first pull's counts."""
    CUSTOM = "custom"


@dataclass(frozen=True)
class VerifiedWeights:
    """A weights file whose SHA-256 was just computed and found right."""

    path: Path
    sha256: str
    origin: Origin


@dataclass(frozen=True)
class _Record:
    file: str
    sha256: str
    origin: Origin = Origin.CUSTOM


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_replace(source: Path, target: Path) -> None:
    """Move ``source`` over ``target`` atomically and durably (both in one file system)."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)


class WeightsStore:
    """The folder of weights, and what may be loaded from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def official_path(self, spec: NetworkSpec) -> Path:
        """Where the official file of a network is, or would be."""
        return (EMBEDDED_DIR if spec.embedded else self.folder) / spec.weights.file

    def verify(self, spec: NetworkSpec) -> VerifiedWeights:
        """The network's weights after a full hash check.

        Custom weights, once added, come before official ones. Raises :class:`WeightsError` when
        no file is there or its hash is not the expected one; the message says what to run.
        """
        return _check(spec, *self._expected(spec))

    def check_installed(self, spec: NetworkSpec) -> None:
        """Raise as :meth:`verify`, but for the hash: the file is not read."""
        path, _, origin = self._expected(spec)
        if not path.is_file():
            raise WeightsError(f"The {origin} weights of {spec.name} are gone: {path.name}.")

    def _expected(self, spec: NetworkSpec) -> tuple[Path, str, Origin]:
        """The file that counts, the hash that it must have, and who says so."""
        record = self._read_record(spec)
        if record is not None:
            return self.folder / record.file, record.sha256, record.origin
        path = self.official_path(spec)
        if not path.is_file():
            raise WeightsError(_missing(spec))
        if spec.weights.sha256 is None:
            raise WeightsError(
                f"Nobody publishes the hash of {spec.weights.file}. Take yours on trust with "
                f"`depth-service models add {spec.name} --file {spec.weights.file} --trust`."
            )
        origin = Origin.EMBEDDED if spec.embedded else Origin.OFFICIAL
        return path, spec.weights.sha256, origin

    def install_official(self, spec: NetworkSpec, source: Path) -> VerifiedWeights:
        """Copy a local official file in; raises :class:`WeightsError` unless its hash is official.

        Custom weights of the same network are forgotten.
        """
        if spec.embedded:
            raise WeightsError(f"{spec.name} ships in the package; there is nothing to install.")
        if spec.weights.sha256 is None:
            raise WeightsError(
                f"Nobody publishes the hash of {spec.weights.file}, so it cannot be checked. "
                "To take the file on trust add --trust."
            )
        self._copy_in(source, spec.weights.file, spec.weights.sha256)
        self.forget_recorded(spec)
        return self.verify(spec)

    def install_custom(self, spec: NetworkSpec, source: Path) -> VerifiedWeights:
        """Copy a user's own weights in and record their hash.

        The caller has shown that the file loads into the network.
        """
        digest = sha256_of(source)
        name = _custom_name(spec) + source.suffix
        self._copy_in(source, name, digest)
        self._write_record(spec, _Record(name, digest, Origin.CUSTOM))
        for other in self.folder.glob(f"{_custom_name(spec)}.*"):
            if other.name != name:
                other.unlink()
        return self.verify(spec)

    def record_first_use(self, spec: NetworkSpec) -> VerifiedWeights:
        """Record the hash of the official file as it was just pulled, for every later load."""
        path = self.official_path(spec)
        self.forget_recorded(spec)
        self._write_record(spec, _Record(path.name, sha256_of(path), Origin.FIRST_USE))
        return self.verify(spec)

    def forget_recorded(self, spec: NetworkSpec) -> None:
        """Remove a user's own weights and the record, readable or not: the official ones count."""
        self._record_path(spec).unlink(missing_ok=True)
        for own in self.folder.glob(f"{_custom_name(spec)}.*"):
            own.unlink()

    def first_use_sha256(self, spec: NetworkSpec) -> str | None:
        """The SHA-256 that :meth:`record_first_use` has recorded, where that can be read."""
        with contextlib.suppress(WeightsError):
            record = self._read_record(spec)
            if record is not None and record.origin is Origin.FIRST_USE:
                return record.sha256
        return None

    def _write_record(self, spec: NetworkSpec, record: _Record) -> None:
        with self._incoming() as incoming:
            written = incoming / "record.json"
            written.write_text(json.dumps(asdict(record), indent=1))
            fsync_replace(written, self._record_path(spec))

    @contextlib.contextmanager
    def _incoming(self) -> Iterator[Path]:
        """A folder beside the target, so that a finished file can be moved in atomically."""
        self.create()
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".incoming-") as incoming:
            yield Path(incoming)

    def create(self) -> None:
        """Make the folder; raises :class:`WeightsError` where nothing can be written to it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise WeightsError(
                f"Weights cannot be written to {self.folder}: {error.strerror}. "
                "Set DEPTH_WEIGHTS_DIR."
            ) from error

    def origin(self, spec: NetworkSpec) -> Origin | None:
        """Who vouches for what is installed, unchecked; None if nothing is."""
        if self._record_path(spec).is_file():
            try:
                record = self._read_record(spec)
            except WeightsError:
                record = None
            return record.origin if record else Origin.CUSTOM
        if spec.weights.sha256 is None or not self.official_path(spec).is_file():
            return None
        return Origin.EMBEDDED if spec.embedded else Origin.OFFICIAL

    def version(self, spec: NetworkSpec) -> tuple[FileVersion, ...]:
        """What changes when a file does that :meth:`verify` may read; none of them is read."""
        paths = (
            self._record_path(spec),
            self.official_path(spec),
            *sorted(self.folder.glob(f"{_custom_name(spec)}.*")),
        )
        return tuple(map(file_version, paths))

    def _record_path(self, spec: NetworkSpec) -> Path:
        return self.folder / f"{spec.name}.json"

    def _read_record(self, spec: NetworkSpec) -> _Record | None:
        try:
            fields = json.loads(self._record_path(spec).read_text())
            return _Record(
                file=Path(fields["file"]).name,
                sha256=str(fields["sha256"]),
                origin=Origin(fields.get("origin", Origin.CUSTOM)),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"The record of the weights of {spec.name} cannot be read. Pull them again, or add "
                f"them with `depth-service models add {spec.name} --file PATH --trust`."
            ) from error

    def _copy_in(self, source: Path, name: str, sha256: str) -> None:
        # The hash is taken of the copy: what was checked is what is installed.
        with self._incoming() as incoming:
            copy = incoming / name
            try:
                shutil.copyfile(source, copy)
            except OSError as error:
                raise WeightsError(f"The file cannot be copied: {error.strerror}.") from error
            actual = sha256_of(copy)
            if actual != sha256:
                raise WeightsError(
                    f"This is not the expected file {name}: its SHA-256 is {actual}, expected "
                    f"{sha256}. For weights of your own add --trust."
                )
            fsync_replace(copy, self.folder / name)


def _custom_name(spec: NetworkSpec) -> str:
    return f"{spec.name}.custom"


def _missing(spec: NetworkSpec) -> str:
    add = f"depth-service models add {spec.name} --file PATH"
    if spec.weights.url is None:
        return (
            f"The weights of {spec.name} are not installed, and there is no stable address to pull "
            f"them from. Get {spec.weights.file} as {spec.source} says and run `{add} --trust`."
        )
    return (
        f"The weights of {spec.name} are not installed. Run `depth-service models pull "
        f"{spec.name}`, or on a host without internet fetch {spec.weights.url} elsewhere and run "
        f"`{add}`."
    )


def _check(spec: NetworkSpec, path: Path, expected: str, origin: Origin) -> VerifiedWeights:
    try:
        actual = sha256_of(path)
    except OSError as error:
        raise WeightsError(
            f"The {origin} weights of {spec.name} cannot be read: {error.strerror}."
        ) from error
    if actual != expected:
        raise WeightsError(
            f"The {origin} weights of {spec.name} are damaged or not the right file: SHA-256 is "
            f"{actual}, expected {expected}. Remove {path.name} and install them again."
        )
    return VerifiedWeights(path, actual, origin)
