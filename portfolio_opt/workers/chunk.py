"""One chunk of a job: its answer, or an error that names it."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import EnvironmentTrouble, PortfolioError


@dataclass(frozen=True)
class Answer:
    """What became of one chunk. An error travels as a value, so that it arrives with its number and its traceback."""

    index: int
    result: Any = None
    error: Exception | None = None


def answer(function: Callable[[Any, Any], Any], index: int, chunk: Any, shared: Any) -> Answer:
    """The answer of one chunk; this is what workers run."""
    try:
        return Answer(index, function(chunk, shared))
    except Exception as error:  # noqa: BLE001 - it is raised where the answers are read
        return Answer(index, error=_named(index, error))


def _named(index: int, error: Exception) -> Exception:
    """The same refusal with the chunk before it; anything else is a bug of the function and becomes a RuntimeError."""
    named: Exception
    if isinstance(error, PortfolioError):
        named = type(error)(f"chunk {index}: {error}")
    elif isinstance(error, MemoryError):
        named = EnvironmentTrouble(f"chunk {index}: the memory does not suffice; use fewer workers or smaller chunks")
    else:
        named = RuntimeError(f"chunk {index}: {type(error).__name__}: {error}")
        named.add_note("".join(traceback.format_exception(error)))  # the cause itself may not travel between processes
    named.__cause__ = error
    return named
