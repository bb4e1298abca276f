"""Chunks on this machine: worker processes of joblib's loky."""

import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from typing import Any

from joblib import Parallel, cpu_count, delayed, parallel_config  # type: ignore[import-untyped]
from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

from ..errors import EnvironmentTrouble
from .chunk import Answer, answer

MAPPED = "64K"  # shared arrays from this size on lie in a file that every worker maps; smaller ones travel faster
WATCH = 0.5  # seconds between two looks at whether the parent still lives


def usable_cores() -> int:
    """How many cores this process may use, by its affinity and its container; 1 within a worker."""
    return int(cpu_count())


def answers_from_processes(
    function: Callable[[Any, Any], Any], numbered: Iterable[tuple[int, Any]], shared: Any, workers: int
) -> Generator[Answer, None, None]:
    """Answers as they complete. The workers stay for the next job, and end with this process, however it ends."""
    with parallel_config("loky", inner_max_num_threads=1, initializer=_start_worker, initargs=(os.getpid(),)):
        parallel = Parallel(workers, return_as="generator_unordered", max_nbytes=MAPPED, mmap_mode="r", batch_size=1)
    answers = parallel(delayed(answer)(function, index, chunk, shared) for index, chunk in numbered)
    try:
        for one in answers:  # noqa: UP028 - "yield from" would close it outside of the `finally` below
            yield one
    except TerminatedWorkerError as error:
        raise EnvironmentTrouble(_in_words(error)) from error
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tasks are cancelled is what closing early means
            answers.close()


def _in_words(error: Exception) -> str:
    signals = sorted(set(re.findall(r"SIG[A-Z]+", str(error))))
    how = f" ({', '.join(signals)})" if signals else ""
    return (
        f"a worker process was ended from outside{how}, most often because the memory of this machine does not suffice; "
        "use fewer workers or smaller chunks"
    )


def _start_worker(parent: int) -> None:
    """An interrupt is the parent's to answer: it ends its workers. A parent that is killed cannot, so they watch it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # a worker that fans out itself finds one core: its siblings use the others
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)
