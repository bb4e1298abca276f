"""What a store says of itself: every file with its hash and span, every source that was read."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from ...errors import InvalidInput
from ..gather import SourceFile
from . import wide

SCHEMA = "portfolio_opt.store/1"
MANIFEST = "manifest.json"
STATED = ("holidays.csv", "mergers.csv")  # files that users put beside prices
ATTEMPTS = 100  # to read a store that other runs are replacing

T = TypeVar("T")


@dataclass(frozen=True)
class FileEntry:
    """What the manifest says of one file of the store: first and last day, and how many days, where the file has any."""

    sha256: str
    rows: int
    first: str = ""
    last: str = ""
    days: int = 0


@dataclass(frozen=True)
class Manifest:
    """What a store holds. data_hash: of all its files; sources: sorted by hash."""

    files: Mapping[str, FileEntry] = field(default_factory=dict)
    sources: tuple[SourceFile, ...] = ()

    @property
    def data_hash(self) -> str:
        """One hash for all files but the manifest."""
        lines = (f"{name}\0{entry.sha256}\n" for name, entry in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """The manifest as JSON."""
        document = {
            "schema": SCHEMA,
            "data_hash": self.data_hash,
            "files": {name: asdict(entry) for name, entry in sorted(self.files.items())},
            "sources": [asdict(source) for source in self.sources],
        }
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def is_store(folder: Path) -> bool:
    """Whether a folder is a price store."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a store. Raises InvalidInput for one that was changed or damaged."""
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
        if document["schema"] != SCHEMA:
            raise ValueError(f"it states {document['schema']!r}, not {SCHEMA!r}")
        manifest = Manifest(
            {name: FileEntry(**entry) for name, entry in document["files"].items()},
            tuple(SourceFile(**source) for source in document["sources"]),
        )
        if manifest.data_hash != document["data_hash"]:
            raise ValueError("its hash does not fit its files")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            f"{folder.name}: {MANIFEST} is not that of a price store ({error}); make the store again from its sources"
        ) from None
    return manifest


def require_store(folder: Path) -> None:
    """Raises InvalidInput unless a folder is absent, empty, or a store with nothing else in it."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; give a folder for the store")
    if is_store(folder):
        as_one(folder, lambda held: _refuse_others(folder, {MANIFEST, *held.files}))
    else:
        _refuse_others(folder, set())


def _refuse_others(folder: Path, files: set[str]) -> None:
    known = {*files, *(name.split("/")[0] for name in files)}
    found = {  # without error where a reader's draft of matrices goes meanwhile
        (Path(place) / name).relative_to(folder).as_posix()
        for place, folders, names in os.walk(folder)
        for name in (*folders, *names)
    }
    strange = sorted(name for name in found - known if not (known and wide.is_kept(name)))
    if known and strange and strange[0] in STATED:
        raise InvalidInput(f"{folder} holds {strange[0]!r} of your own; move it away and give it to ingest as a source")
    if strange:
        raise InvalidInput(f"{folder} holds {strange[0]!r}, which is no part of a price store; give another folder")


def content_of(folder: Path, held: Manifest, name: str) -> bytes:
    """A file of the store. Raises InvalidInput where it is not what the manifest says."""
    try:
        content = (folder / name).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != held.files[name].sha256:
        raise InvalidInput(
            f"{folder.name}: {name} is not what {MANIFEST} says (changed by hand, or damaged); "
            "make the store again from its sources"
        )
    return content


def unchanged(folder: Path) -> Manifest:
    """The manifest of a store whose files are all what it says. Raises InvalidInput otherwise."""

    def check(held: Manifest) -> Manifest:
        for name in held.files:
            content_of(folder, held, name)
        return held

    return as_one(folder, check)


def as_one(folder: Path, read: Callable[[Manifest], T]) -> T:
    """What `read` makes of a store as one ingest left it, though others may replace it meanwhile."""
    for _ in range(ATTEMPTS):
        held = read_manifest(folder)
        try:
            return read(held)  # every file is checked against `held`, so nothing of two ingests is mixed
        except InvalidInput:
            if read_manifest(folder) == held:
                raise
    raise InvalidInput(f"{folder.name} is replaced faster than it can be read; give it a moment")
