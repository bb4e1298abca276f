"""A fan-out equals the map it stands for, whoever works, dies or is interrupted; a killed job goes on where it stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from portfolio_opt.errors import EnvironmentTrouble, InvalidInput, NoSolution
from portfolio_opt.workers.fan_out import fan_out
from portfolio_opt.workers.finished import Finished, digest, finished_chunks, resume

HERE = Path(__file__).parent
GRACE = 120  # seconds; two of Ray's processes look once a minute whether their parent lives

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra [cluster] is not installed")


@pytest.fixture(scope="module", autouse=True)
def no_worker_outlives_this_module() -> Iterator[None]:
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


@dataclass(frozen=True)
class Market:
    prices: np.ndarray


def dot(seed, market):
    """A number of all of the chunk and the market, late where the chunk is a multiple of 4."""
    time.sleep(0.3 * (seed % 4 == 0))
    return float(np.random.default_rng(seed).normal(size=len(market.prices)) @ market.prices)


MARKET = Market(np.random.default_rng(1).normal(size=300_000))


def expected() -> dict[int, float]:
    with threadpool_limits(1):  # as in the workers: a product on two threads adds up in another order
        return {index: dot(seed, MARKET) for index, seed in enumerate(range(1, 9))}


def seen(_, market):
    """How a task sees the shared array, and the threads it may use."""
    threads = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    mapped = isinstance(market.prices, np.memmap)
    return mapped and market.prices.filename, market.prices.flags.writeable, threads, os.environ["NUMBA_NUM_THREADS"]


def refuse(chunk, _):
    if chunk == "unsolvable":
        raise NoSolution("caps leave 40% uninvested; raise one")
    if chunk == "bug":
        raise Awkward("one", "two")
    if chunk == "full":
        raise MemoryError
    time.sleep(chunk)


class Awkward(Exception):
    """Cannot be unpickled: it asks for two arguments but keeps one."""

    def __init__(self, one, two):
        super().__init__(one + two)


def die(chunk, _):
    if chunk == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return chunk


def interrupted(chunk, _):
    os.kill(os.getpid(), signal.SIGINT)
    return chunk


def inner_pid(_chunk, _shared):
    return {pid for _, pid in fan_out(own_pid, range(4))} == {os.getpid()}


def own_pid(_chunk, _shared):
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2, 3, None])
def test_results_are_those_of_the_map(workers):
    with threadpool_limits(1):
        assert dict(fan_out(dot, range(1, 9), shared=MARKET, workers=workers)) == expected()


def test_results_come_as_they_complete():
    order = [index for index, _ in fan_out(refuse, [0.5, 0, 0, 0], workers=2)]
    assert sorted(order) == [0, 1, 2, 3]
    assert order[-1] == 0


def test_no_chunk_is_no_result():
    assert list(fan_out(dot, [], shared=MARKET, workers=2)) == []


def test_chunks_are_taken_as_they_are_needed():
    taken = []
    chunks = (taken.append(chunk) or chunk for chunk in range(1000))
    results = fan_out(die, chunks, workers=2)
    next(results)
    results.close()
    assert len(taken) < 20


def test_the_shared_array_is_mapped_once_and_read_only_and_each_worker_has_one_thread():
    results = [result for _, result in fan_out(seen, range(6), shared=MARKET, workers=2)]
    files = {file for file, *_ in results}
    assert len(files) == 1
    assert files != {False}
    assert all(rest == (False, {1}, "1") for _, *found in results for rest in [tuple(found)])


def test_a_worker_that_fans_out_itself_works_alone():
    assert dict(fan_out(inner_pid, range(2), workers=2)) == {0: True, 1: True}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_refusal_keeps_its_class_and_names_the_chunk(workers):
    with pytest.raises(NoSolution, match="chunk 1: caps leave 40%"):
        list(fan_out(refuse, [0, "unsolvable", 0], workers=workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_names_the_chunk_and_where_it_is(workers):
    with pytest.raises(RuntimeError, match="chunk 1: Awkward: onetwo") as caught:
        list(fan_out(refuse, [0, "bug", 0], workers=workers))
    assert 'raise Awkward("one", "two")' in caught.value.__notes__[0]


def test_want_of_memory_says_what_helps():
    with pytest.raises(EnvironmentTrouble, match="chunk 0: the memory does not suffice; use fewer workers"):
        list(fan_out(refuse, ["full"], workers=2))


def test_an_error_ends_the_others_at_once():
    list(fan_out(refuse, [0, 0], workers=2))  # the workers are there
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="chunk 1"):
        list(fan_out(refuse, [60, "bug", 60], workers=2))
    assert time.monotonic() - start < 5
    assert children() == set()


def test_a_killed_worker_is_told_in_words_and_the_next_job_works():
    with pytest.raises(EnvironmentTrouble, match=r"a worker process was ended from outside \(SIGKILL\), most often"):
        list(fan_out(die, [1, "die", 2, 3], workers=2))
    assert dict(fan_out(die, [1, 2], workers=2)) == {0: 1, 1: 2}


def test_an_interrupt_is_the_parents_to_answer():
    assert dict(fan_out(interrupted, [1, 2, 3], workers=2)) == {0: 1, 1: 2, 2: 3}


@pytest.mark.parametrize("workers", [0, -1])
def test_nobody_cannot_work(workers):
    with pytest.raises(InvalidInput, match=f"{workers} workers cannot work"):
        fan_out(dot, range(3), shared=MARKET, workers=workers)


def test_a_missing_ray_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentTrouble, match=r"pip install 'portfolio-opt\[cluster\]'"):
        list(fan_out(dot, range(3), shared=MARKET, cluster="auto"))


# How a job ends: these run it in a process of its own.


def children(parent: int | None = None) -> set[int]:
    """The processes that a parent has started and that still live, but for joblib's own tracker of files."""
    found = subprocess.run(
        ["pgrep", "-P", str(parent or os.getpid()), "-a"], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    return {int(line.split()[0]) for line in found if "loky.process_executor" in line or "popen_loky" in line}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def soon(condition, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def job(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
    """A script that leads a group of its own; once the test has ended the script, the others of the group must go too."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
            assert soon(lambda: not group_lives(process.pid), GRACE)
        finally:
            if group_lives(process.pid):
                os.killpg(process.pid, signal.SIGKILL)


def group_lives(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def mark_and_sleep(folder, _):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


SLEEPERS = """
    import sys, numpy, test_workers
    from portfolio_opt.workers.fan_out import fan_out
    try:
        list(fan_out(test_workers.mark_and_sleep, [sys.argv[1]] * int(sys.argv[2]), shared=numpy.ones(10**6), workers=2))
    except KeyboardInterrupt:
        raise SystemExit(130)
"""


@pytest.mark.parametrize("chunks", [1, 9], ids=["one worker idle", "all busy"])
@pytest.mark.parametrize("to_the_group", [True, False], ids=["ctrl-c", "to the parent alone"])
def test_an_interrupt_leaves_no_worker_and_no_noise(tmp_path, to_the_group, chunks):
    with job(SLEEPERS, tmp_path, chunks) as process:
        assert soon(lambda: len(list(tmp_path.iterdir())) == min(chunks, 2), 20)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        (os.killpg if to_the_group else os.kill)(process.pid, signal.SIGINT)
        assert process.wait(5) == 130
        assert not any(map(alive, workers))
        assert "KeyboardInterrupt" not in process.stderr.read()
        assert soon(lambda: not mapped_files(process.pid))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_a_killed_parent(tmp_path, how):
    with job(SLEEPERS, tmp_path, 9) as process:
        assert soon(lambda: len(list(tmp_path.iterdir())) == 2, 20)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        assert mapped_files(process.pid)
        process.send_signal(how)
        assert process.wait(5) == -how
        assert soon(lambda: not any(map(alive, workers)))
        assert soon(lambda: not mapped_files(process.pid))


def mapped_files(pid: int) -> list[Path]:
    places = [Path("/dev/shm"), Path(tempfile.gettempdir())]
    return [path for place in places if place.is_dir() for path in place.glob(f"joblib_memmapping_folder_{pid}_*")]


# A job that goes on.


def line(seed, folder):
    """Bytes that depend on the chunk alone; each call leaves a mark."""
    with (Path(folder) / "calls").open("a") as file:
        file.write(f"{seed}\n")
    time.sleep(0.03)
    return np.random.default_rng(seed).normal(size=100).tobytes()


def calls(folder: Path) -> list[int]:
    return [int(text) for text in (folder / "calls").read_text().split()]


def run_all(tmp_path: Path, question: str = "q", workers: int = 1) -> dict[int, bytes]:
    with finished_chunks(tmp_path / "out.work", question) as finished:
        return dict(resume(line, range(20), finished, describe=str, shared=tmp_path, workers=workers))


JOB = """
    import sys, pathlib, test_workers
    test_workers.run_all(pathlib.Path(sys.argv[1]), workers=2)
"""


def chunks_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name[0].isdigit()] if folder.exists() else []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_job_goes_on_and_equals_the_straight_run(tmp_path, how):
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir()
    killed.mkdir()
    with job(JOB, killed) as process:
        assert soon(lambda: len(chunks_in(killed / "out.work")) > 4, 20)
        process.send_signal(how)
        assert process.wait(5) != 0
    done = len(chunks_in(killed / "out.work"))
    before = len(calls(killed))
    assert 4 < done < 20
    assert run_all(killed) == run_all(straight)
    assert len(calls(killed)) - before == 20 - done
    contents = [
        {path.relative_to(root): path.read_bytes() for path in (root / "out.work").rglob("*") if path.is_file()}
        for root in (straight, killed)
    ]
    assert contents[0] == contents[1]


def test_what_is_finished_is_not_done_again(tmp_path):
    first = run_all(tmp_path)
    assert run_all(tmp_path) == first
    assert len(calls(tmp_path)) == 20


def test_another_question_starts_anew(tmp_path):
    first = run_all(tmp_path, "prices of Sunday")
    assert run_all(tmp_path, "prices of Monday") == first
    assert len(calls(tmp_path)) == 40
    assert len(chunks_in(tmp_path / "out.work")) == 20


def test_a_chunk_that_is_not_whole_is_done_again(tmp_path):
    first = run_all(tmp_path)
    cut, changed, moved = sorted(chunks_in(tmp_path / "out.work"))[:3]
    content = (cut / "content").read_bytes()
    (cut / "content").write_bytes(content[:-1])
    (changed / "content").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (moved / "content").write_bytes(content)
    assert run_all(tmp_path) == first
    assert sorted(calls(tmp_path)[20:]) == [0, 1, 2]


def test_drafts_of_a_killed_run_are_removed(tmp_path):
    run_all(tmp_path)
    work = tmp_path / "out.work"
    first = min(chunks_in(work))
    draft = work / f".{first.name}.draft-0a1b2c3d"
    first.rename(draft)
    run_all(tmp_path)
    assert first.exists()
    assert not draft.exists()


@pytest.mark.parametrize("name", ["letter.txt", "000001", "question.txt"])
def test_a_folder_with_anything_else_is_refused(tmp_path, name):
    work = tmp_path / "out.work"
    work.mkdir()
    (work / name).write_text("mine")
    with pytest.raises(InvalidInput, match=f"holds '{name}'"), finished_chunks(work, "q"):
        pass
    assert (work / name).read_text() == "mine"


def test_chunks_without_their_question_are_refused(tmp_path):
    run_all(tmp_path)
    (tmp_path / "out.work" / "question").unlink()
    with pytest.raises(InvalidInput, match="holds '000000-"):
        run_all(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "work").write_text("mine")
    with pytest.raises(InvalidInput, match="is a file"), finished_chunks(tmp_path / "work", "q"):
        pass


def test_two_runs_do_not_share_a_folder(tmp_path):
    with (
        finished_chunks(tmp_path / "work", "q"),
        pytest.raises(EnvironmentTrouble, match="another run"),
        finished_chunks(tmp_path / "work", "q"),
    ):
        pass


def test_a_disk_that_refuses_is_said(tmp_path):
    finished = Finished(tmp_path / "work", "q")
    (tmp_path / "work").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentTrouble, match="could not be written"):
        finished.write(0, "0", b"x")
    with pytest.raises(EnvironmentTrouble, match="cannot be read"):
        finished.read(0, "0")


def test_an_error_in_a_resumed_job_names_the_chunk_of_the_whole_job(tmp_path):
    with finished_chunks(tmp_path / "work", "q") as finished:
        finished.write(0, "0.0", b"")
        with pytest.raises(NoSolution, match="chunk 2: "):
            list(resume(refuse_or_nothing, ["0.0", "0.1", "unsolvable"], finished, describe=str, workers=1))


def refuse_or_nothing(chunk, _):
    refuse(chunk if chunk.isalpha() else 0, None)
    return b""


def test_the_folder_goes_when_the_job_is_done(tmp_path):
    with finished_chunks(tmp_path / "work", "q") as finished:
        finished.write(0, "0", b"x")
        finished.remove()
    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=50), st.text(max_size=5), st.integers(0, 10**7))
def test_what_is_read_is_what_was_written(content, chunk, index):
    with tempfile.TemporaryDirectory() as folder:
        finished = Finished(Path(folder), "q")
        finished.write(index, chunk, content)
        assert finished.read(index, chunk) == content
        assert finished.read(index + 1, chunk) is None
        assert finished.read(index, chunk + "0") is None
        assert Finished(Path(folder), "r").read(index, chunk) is None


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_digests_differ_where_the_parts_do(a, b):
    assert (digest(*a) == digest(*b)) == (a == b)


# On a Ray cluster.


@pytest.fixture
def ray_folder(monkeypatch) -> Iterator[Path]:
    """Where Ray keeps its logs and sockets, whose names must be short; its workers find this module by the path."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent)]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    before = processes_in(folder)
    try:
        yield folder
        assert soon(lambda: not processes_in(folder) - before, GRACE)
    finally:
        shutil.rmtree(folder)


def processes_in(folder: Path) -> set[int]:
    """Ray's processes: some name their folder, others themselves."""
    found = subprocess.run(["pgrep", "-f", f"{folder}|ray::"], capture_output=True, text=True, check=False)
    return {int(pid) for pid in found.stdout.split()}


def lost_once(chunk, folder):
    """The worker of chunk 3 is killed the first time."""
    mark = Path(folder) / "was here"
    if chunk == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk * chunk


def dot_and_mark(seed, shared):
    """`dot` after a while; a mark says on which machine of the cluster it began."""
    import ray

    market, folder = shared
    (Path(folder) / f"{ray.get_runtime_context().get_node_id()}-{seed}-{time.time_ns()}").touch()
    time.sleep(0.5)
    return dot(seed, market)


def shared_on_ray(_, market):
    return market.prices.flags.writeable, {pool["num_threads"] for pool in threadpool_info()}, joblib_cores()


def joblib_cores() -> int:
    from portfolio_opt.workers.processes import usable_cores

    return usable_cores()


@pytest.mark.slow
@needs_ray
def test_ray_on_this_machine_gives_the_map_and_names_its_errors(ray_folder, tmp_path):
    assert dict(fan_out(dot, range(1, 9), shared=MARKET, cluster="local", workers=2)) == expected()
    assert soon(lambda: not processes_in(ray_folder), GRACE)
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)  # a session of the caller's own
    try:
        for _, found in fan_out(shared_on_ray, range(3), shared=MARKET, cluster="local"):
            assert found == (False, {1}, 1)
        with pytest.raises(NoSolution, match="chunk 1: caps leave 40%"):
            list(fan_out(refuse, [0, "unsolvable", 60], cluster="local"))
        with pytest.raises(RuntimeError, match="chunk 1: Awkward: onetwo"):
            list(fan_out(refuse, [0, "bug", 60], cluster="local"))
        assert dict(fan_out(lost_once, range(5), shared=tmp_path, cluster="local")) == {n: n * n for n in range(5)}
        with pytest.raises(EnvironmentTrouble, match="chunk 1: the cluster lost it 4 times"):
            list(fan_out(die, [0, "die"], cluster="local"))
        taken = []
        results = fan_out(own_pid, (taken.append(chunk) or chunk for chunk in range(1000)), cluster="local", workers=5)
        next(results)
        results.close()
        assert len(taken) == 5
        assert ray.is_initialized()
    finally:
        ray.shutdown()


@pytest.mark.slow
@needs_ray
@pytest.mark.usefixtures("ray_folder")
def test_a_cluster_that_loses_a_machine_midway_gives_the_map(tmp_path, capsys):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=2)
        results, seeds = {}, range(1, 25)
        for index, result in fan_out(dot_and_mark, seeds, shared=(MARKET, tmp_path), cluster=cluster.address):
            results[index] = result
            if len(results) == 8:
                cluster.remove_node(second, allow_graceful=False)
    finally:
        cluster.shutdown()
    with threadpool_limits(1):
        assert results == {index: dot(seed, MARKET) for index, seed in enumerate(seeds)}
    begun = [path.name.split("-")[0] for path in tmp_path.iterdir()]
    assert len(set(begun)) == 2
    assert len(begun) > len(seeds)  # what the lost machine had begun was begun again
    said = capsys.readouterr()
    assert said.out == ""
    assert "node" in said.err


@pytest.mark.slow
@needs_ray
@pytest.mark.usefixtures("ray_folder")
@pytest.mark.parametrize("cluster", ["auto", "127.0.0.1:1", "nonsense"])
def test_a_cluster_that_is_not_there_is_said(cluster):
    with pytest.raises(EnvironmentTrouble, match=f"no Ray cluster answers at '{cluster}'"):
        list(fan_out(dot, range(3), shared=MARKET, cluster=cluster))


RAY_SLEEPERS = """
    import signal
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))""" + SLEEPERS.replace(
    "workers=2", "workers=2, cluster='local'"
)


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1), (signal.SIGKILL, -9)])
def test_an_interrupt_leaves_nothing_of_a_local_ray(ray_folder, tmp_path, how, code):
    # Ray turns whatever a handler of SIGTERM raises while it waits into an exit with code 1
    with job(RAY_SLEEPERS, tmp_path, 9) as process:
        assert soon(lambda: len(list(tmp_path.iterdir())) == 2, 40)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        assert processes_in(ray_folder)
        process.send_signal(how)
        assert process.wait(20) == code
        assert soon(lambda: not any(map(alive, workers)), 20)
