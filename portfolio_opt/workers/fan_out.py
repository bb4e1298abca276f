"""A map over chunks whose results come as they complete: in this process, in local processes, or on a Ray cluster."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, TypeVar

from ..errors import InvalidInput
from .chunk import Answer, answer

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def fan_out(
    function: Callable[[Chunk, Any], Result],
    chunks: Iterable[Chunk],
    *,
    shared: Any = None,
    workers: int | None = None,
    cluster: str | None = None,
) -> Iterator[tuple[int, Result]]:
    """(index, function(chunk, shared)) of every chunk, in the order of completion; a few chunks are in flight at a time.

    A chunk is a task: what is cheap to send and takes a second or so to do. Results do not depend on the number of workers,
    if `function` depends on its arguments alone: a random generator is made from a seed in the chunk. Every worker computes
    on one thread; with workers=1 the threads of this process stay as they are, which can move the last bit of a product.

    shared: what all chunks need, only to be read. Its arrays are mapped into the workers' memory, not copied for each task
    workers: processes, or tasks in flight on a cluster; 1 works in this process; by default the cores this process may use
    cluster: None for this machine, else "host:port" of a Ray cluster, "auto" for the one this machine belongs to, or
        "local" for a new one here. All its machines need this package in this version

    The first chunk that fails ends the job at once: a refusal keeps its class, any other error becomes a RuntimeError; both
    name the chunk, counted from 0. Raises EnvironmentTrouble if a local worker is killed, if a chunk on the cluster fails
    again after retries on other machines, or if Ray is missing. Closing the iterator, or an interrupt, ends the workers.
    """
    return fan_out_numbered(function, enumerate(chunks), shared, workers, cluster)


def fan_out_numbered(
    function: Callable[[Chunk, Any], Result],
    numbered: Iterable[tuple[int, Chunk]],
    shared: Any,
    workers: int | None,
    cluster: str | None,
) -> Iterator[tuple[int, Result]]:
    """`fan_out` over chunks that bring their own numbers."""
    if workers is not None and workers < 1:
        raise InvalidInput(f"{workers} workers cannot work; give 1 or more")
    return _results(_answers(function, numbered, shared, workers, cluster))


def _answers(
    function: Callable[[Chunk, Any], Result],
    numbered: Iterable[tuple[int, Chunk]],
    shared: Any,
    workers: int | None,
    cluster: str | None,
) -> Generator[Answer, None, None]:
    if cluster is not None:
        from .ray_cluster import answers_from_cluster

        return answers_from_cluster(function, numbered, shared, cluster, workers)
    if workers != 1:
        from .processes import answers_from_processes, usable_cores

        workers = workers or usable_cores()
        if workers > 1:
            return answers_from_processes(function, numbered, shared, workers)
    return (answer(function, index, chunk, shared) for index, chunk in numbered)


def _results(answers: Generator[Answer, None, None]) -> Iterator[tuple[int, Result]]:
    with closing(answers):
        for one in answers:
            if one.error:
                raise one.error
            yield one.index, one.result
