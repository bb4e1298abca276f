"""Chunks on a Ray cluster: plain tasks, which Ray gives to another machine when theirs is lost."""

import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from typing import Any

from ..errors import EnvironmentTrouble
from .chunk import Answer, answer

RETRIES = 3  # of a task whose worker or machine was lost
LEAST_IN_FLIGHT = 16
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR")} | {
    "VECLIB_MAXIMUM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
}


def answers_from_cluster(
    function: Callable[[Any, Any], Any],
    numbered: Iterable[tuple[int, Any]],
    shared: Any,
    cluster: str,
    workers: int | None,
) -> Generator[Answer, None, None]:
    """Answers as they complete; no more than `workers` tasks, by default two for each core, are in flight."""
    ray = _ray()
    waiting = iter(numbered)
    running: dict[Any, int] = {}
    with _connected(ray, cluster, workers):
        most = workers or max(LEAST_IN_FLIGHT, 2 * int(ray.cluster_resources().get("CPU", 0)))
        task = ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False, runtime_env={"env_vars": ONE_THREAD})
        run, work, held = task(answer), ray.put(function), ray.put(shared)
        try:
            while True:
                for index, chunk in islice(waiting, most - len(running)):
                    running[run.remote(work, index, chunk, held)] = index
                if not running:
                    return
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                yield _fetched(ray, done, running.pop(done))
        finally:
            for left in running:
                ray.cancel(left, force=True)


def _fetched(ray: Any, done: Any, index: int) -> Answer:
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError:
        raise  # not lost: an error outside of the function, such as a chunk that cannot be read on that machine
    except ray.exceptions.RayError as error:
        cause = str(error).strip().splitlines()[0]
        raise EnvironmentTrouble(
            f"chunk {index}: the cluster lost it {RETRIES + 1} times ({type(error).__name__}: {cause}); "
            "use smaller chunks or machines with more memory"
        ) from error


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise EnvironmentTrouble(
            "work on a cluster needs Ray, which is not installed; run: pip install 'portfolio-opt[cluster]'"
        ) from None


@contextmanager
def _connected(ray: Any, cluster: str, workers: int | None) -> Iterator[None]:
    """A session with the cluster, ended afterwards; a session that the caller has already begun is used and left alone."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    new = {"num_cpus": workers, "include_dashboard": False} if cluster == "local" else {}
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        _require_listener(cluster)
        ray.init(cluster, log_to_driver=False, logging_level=logging.ERROR, **new)
    except (OSError, RuntimeError, ValueError) as error:
        raise EnvironmentTrouble(f"no Ray cluster answers at {cluster!r}: {str(error).splitlines()[0]}") from error
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, terminated)  # Ray has put its own in place
        with redirect_stdout(_ForResults(sys.stdout)):
            yield
    finally:
        ray.shutdown()


def _require_listener(cluster: str) -> None:
    """Raises OSError if nobody listens at a "host:port": Ray itself would try for minutes."""
    host, _, port = cluster.rpartition(":")
    if host and "/" not in host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class _ForResults:
    """Standard output without Ray's own thread, which tells there of lost machines: that goes to standard error."""

    def __init__(self, output: Any) -> None:
        self.output = output

    def __getattr__(self, name: str) -> Any:
        of_ray = threading.current_thread().name.startswith("ray_")
        return getattr(sys.stderr if of_ray else self.output, name)
