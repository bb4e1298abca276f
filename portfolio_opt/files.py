"""Folders of results that change all at once: a reader sees the old set or the new one, never half.

A draft folder is finished beside the target, flushed to disk, and exchanged with it in one step. A run that is killed leaves a
draft behind, which the next run removes; a live run holds a lock on its own draft.
"""

import ctypes
import errno
import glob
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .errors import EnvironmentTrouble, InvalidInput

try:
    import fcntl
except ImportError:  # no advisory locks there: drafts of killed runs stay until removed by hand
    fcntl = None  # type: ignore[assignment]


def require_replaceable(folder: Path, names: Collection[str], schema: str) -> None:
    """Raises InvalidInput unless `folder` is absent, empty, or holds nothing but a former run's files.

    names: the files such a run makes; schema: what one of them, a JSON file, states, up to its version
    """
    try:
        folder = folder.resolve()
        if not folder.exists():
            return
    except (OSError, RuntimeError) as error:
        raise InvalidInput(f"--out {str(folder)[:60]!r} is no usable path: {error}") from None
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; give a folder for the results")
    found = sorted(entry.name for entry in folder.iterdir())
    strange = [name for name in found if name not in names or not (folder / name).is_file()]
    if strange:
        raise InvalidInput(f"{folder} holds {strange[0]!r}, which no run of this command made; give another folder")
    if found and not any(_states_schema(folder / name, schema) for name in found if name.endswith(".json")):
        raise InvalidInput(f"{folder} holds files that no run of this command made; give another folder")


def publish(folder: Path, files: Mapping[str, bytes], schema: str) -> None:
    """Make `folder` hold exactly `files`, whole or not at all; schema: what their JSON file states.

    Raises InvalidInput if the folder holds anything else, EnvironmentTrouble if the disk refuses; the old set is then intact.
    """
    require_replaceable(folder, files, schema)
    replace_folder(folder, files)


def replace_folder(folder: Path, files: Mapping[str, bytes], kept: Collection[str] = ()) -> None:
    """Make `folder` hold exactly `files` and those it has named in `kept`, whole or not at all; names may be a/b.

    Whatever else the folder holds goes. Raises EnvironmentTrouble if the disk refuses; the old set is then intact.
    """
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        clear_drafts(folder)
        with _draft(folder) as draft:
            inner = sorted({str(Path(name).parent) for name in (*files, *kept)} - {"."})
            for name in inner:
                (draft / name).mkdir()
            for name in kept:
                _carry_over(folder / name, draft / name)
            for name, content in files.items():
                _write(draft / name, content)
            for name in (*inner, "."):
                _flush_folder(draft / name)
            _put_in_place(draft, folder)
            _flush_folder(folder.parent)
    except OSError as error:
        raise EnvironmentTrouble(
            f"{folder} could not be written: {error.strerror or error}; what stood there before is unchanged"
        ) from error


@contextmanager
def locked(folder: Path, patience: float = 30.0) -> Iterator[None]:
    """Only one run at a time holds the lock of a folder; it goes with its owner, however that ends.

    patience: seconds to wait for another run. Raises EnvironmentTrouble when they are over.
    """
    folder = folder.resolve()
    path = folder.parent / f".{folder.name}.lock"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = _lock_file(path, time.monotonic() + patience)
    except OSError as error:
        raise EnvironmentTrouble(f"{folder} could not be locked: {error.strerror or error}") from error
    if handle is None:
        raise EnvironmentTrouble(f"another run is writing to {folder}; try again when it is done")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _lock_file(path: Path, until: float) -> int | None:
    """A handle on the locked file, None where another run holds it for too long."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same_file(path, handle):
                return handle
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(handle)
                return None
            time.sleep(0.05)
        os.close(handle)


def _same_file(path: Path, handle: int) -> bool:
    """Whether the path still names the file that is open: its last owner may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def clear_drafts(folder: Path) -> None:
    """Remove what killed runs left beside a folder, and bring back a set that was moved away but not yet replaced."""
    for left in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.*")):
        if not left.is_dir() or not _abandoned(left):
            continue
        if left.name.startswith(f".{folder.name}.former-") and not folder.exists():
            left.rename(folder)
        elif left.name.startswith((f".{folder.name}.draft-", f".{folder.name}.former-")):
            shutil.rmtree(left)


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    draft = folder.parent / f".{folder.name}.draft-{secrets.token_hex(4)}"
    draft.mkdir()
    lock = os.open(draft, os.O_RDONLY) if fcntl else None
    try:
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield draft
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(draft, ignore_errors=True)


def _abandoned(draft: Path) -> bool:
    """Whether no live run holds the draft."""
    if not fcntl:
        return False
    lock = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _carry_over(old: Path, new: Path) -> None:
    """The same file under a second name; a copy where the file system knows no second names."""
    try:
        os.link(old, new)
    except OSError:
        _write(new, old.read_bytes())


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be flushed there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(draft: Path, folder: Path) -> None:
    """One step on Linux; elsewhere two renames, and `clear_drafts` heals what stops between them."""
    if not folder.exists():
        draft.rename(folder)
    elif not _exchanged(draft, folder):
        former = folder.parent / draft.name.replace(".draft-", ".former-")
        folder.rename(former)
        try:
            draft.rename(folder)
        except OSError:
            former.rename(folder)
            raise
        shutil.rmtree(former, ignore_errors=True)


def _exchanged(a: Path, b: Path) -> bool:
    """Swap two folders in one step; False where the system or the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        return False
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if exchange(here, os.fsencode(a), here, os.fsencode(b), swap) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code))


def _states_schema(path: Path, schema: str) -> bool:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return (
        isinstance(document, dict) and str(document.get("schema", "")).rpartition("/")[0] == schema.rpartition("/")[0]
    )
