"""A job that goes on where it was killed: its finished chunks lie in a work folder, each whole.

A chunk lies under its number and a digest of all that its bytes depend on, so nothing of another job is ever taken for it.
What is stored are the caller's own bytes, never a pickle.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EnvironmentTrouble, InvalidInput
from ..files import locked, replace_folder
from .fan_out import Chunk, fan_out_numbered

QUESTION, CONTENT = "question", "content"
OURS = re.compile(r"question|\d{6,}-[0-9a-f]{32}|\.(?:\d{6,}-[0-9a-f]{32})\.(?:draft|former)-[0-9a-f]+")
SUM = hashlib.sha256().digest_size


def digest(*parts: str | bytes) -> str:
    """A digest of texts and bytes that differs as soon as one part does, or where one ends and the next begins."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


@dataclass(frozen=True)
class Finished:
    """The finished chunks of one job.

    folder: nothing else lies in it
    question: digest of all that the whole job depends on: its inputs, its options and the version of its function
    """

    folder: Path
    question: str

    def read(self, index: int, chunk: str | bytes) -> bytes | None:
        """The bytes of a finished chunk; None if it is not finished, or not whole."""
        name = self._name(index, chunk)
        try:
            stored = (self.folder / name / CONTENT).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EnvironmentTrouble(f"{self.folder / name} cannot be read: {error.strerror or error}") from error
        content = stored[SUM:]
        return content if stored[:SUM] == _sum(name, content) else None

    def write(self, index: int, chunk: str | bytes, content: bytes) -> None:
        """Keep the bytes of a chunk, on disk when this returns."""
        name = self._name(index, chunk)
        replace_folder(self.folder / name, {CONTENT: _sum(name, content) + content})

    def remove(self) -> None:
        """Remove the folder: the job is done and its results are published."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _name(self, index: int, chunk: str | bytes) -> str:
        return f"{index:06d}-{digest(self.question, str(index), chunk)[:32]}"


def _sum(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + content).digest()


@contextmanager
def finished_chunks(folder: Path, question: str) -> Iterator[Finished]:
    """What an earlier run of the same question finished; the work on another question is thrown away.

    Raises InvalidInput if the folder holds anything that no such run made, EnvironmentTrouble if another run works in it.
    """
    with locked(folder, patience=0):
        if _question_of(folder) != question:
            replace_folder(folder, {QUESTION: question.encode()})
        yield Finished(folder, question)


def _question_of(folder: Path) -> str | None:
    """The question of the work in a folder, None where there is none yet."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; give a folder for the work in progress")
    found = sorted(entry.name for entry in folder.iterdir())
    strange = [name for name in found if not OURS.fullmatch(name)]
    if strange or (found and QUESTION not in found):
        raise InvalidInput(
            f"{folder} holds {(strange or found)[0]!r}, which is no work in progress of this command; move it elsewhere"
        )
    return (folder / QUESTION).read_text(encoding="utf-8", errors="replace") if found else None


def resume(
    function: Callable[[Chunk, Any], bytes],
    chunks: Sequence[Chunk],
    finished: Finished,
    *,
    describe: Callable[[Chunk], str | bytes],
    shared: Any = None,
    workers: int | None = None,
    cluster: str | None = None,
) -> Iterator[tuple[int, bytes]]:
    """(index, bytes) of every chunk: first those an earlier run finished, then the others as `fan_out` completes them.

    A chunk is on disk before it is yielded. A caller whose results do not fit into memory takes the indices alone here, and
    afterwards reads the chunks in their order with `finished.read(index, describe(chunk))`.

    describe: all that distinguishes one chunk from another, as text or bytes: `str` for a number or a range
    """
    left = []
    for index, chunk in enumerate(chunks):
        content = finished.read(index, describe(chunk))
        if content is None:
            left.append(index)
        else:
            yield index, content
    numbered = ((index, chunks[index]) for index in left)
    for index, content in fan_out_numbered(function, numbered, shared, workers, cluster):
        finished.write(index, describe(chunks[index]), content)
        yield index, content
