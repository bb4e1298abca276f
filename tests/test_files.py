"""Whole or not at all: whatever fails, and wherever a run is killed, the folder holds the old set or the new one."""

import multiprocessing
import os
import signal
import stat
import time

import pytest

from portfolio_opt import files
from portfolio_opt.errors import EnvironmentTrouble, InvalidInput

OLD = {"plan.json": b'{"schema": "portfolio_opt.rebalance/1", "set": "old"}', "orders.csv": b"old"}
NEW = {
    "plan.json": b'{"schema": "portfolio_opt.rebalance/1", "set": "new"}',
    "orders.csv": b"new",
    "report.html": b"new",
}


SCHEMA = "portfolio_opt.rebalance/1"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def siblings(folder):
    return [path.name for path in folder.parent.iterdir() if path != folder]


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    out = tmp_path / "a" / "b"
    files.publish(out, NEW, SCHEMA)
    assert content(out) == NEW
    assert siblings(out) == []


def test_a_former_run_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    files.publish(out, NEW, SCHEMA)
    files.publish(out, OLD | {"report.html": b"x"}, SCHEMA)
    assert content(out) == OLD | {"report.html": b"x"}


def test_files_are_readable_by_whom_the_umask_allows(tmp_path):
    out = tmp_path / "out"
    files.publish(out, NEW, SCHEMA)
    plain = tmp_path / "plain"
    plain.mkdir()
    assert out.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    "held",
    [
        {"mine.txt": b"x"},
        {"plan.json": b"{}"},
        {"plan.json": b"[1"},
        {"orders.csv": b"x"},
        {"plan.json": b'{"schema": "portfolio_opt.backtest/1"}'},
    ],
)
def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path, held):
    out = tmp_path / "out"
    out.mkdir()
    for name, data in held.items():
        (out / name).write_bytes(data)
    with pytest.raises(InvalidInput, match="another folder"):
        files.publish(out, NEW, SCHEMA)
    assert content(out) == held


def test_a_folder_named_like_one_of_our_files_is_refused(tmp_path):
    out = tmp_path / "out"
    files.publish(out, OLD, SCHEMA)
    (out / "report.html").mkdir()
    (out / "report.html" / "taxes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="another folder"):
        files.publish(out, NEW, SCHEMA)
    assert (out / "report.html" / "taxes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_path_that_cannot_be_is_refused(tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises((InvalidInput, EnvironmentTrouble)):
        files.publish(tmp_path / name, NEW, SCHEMA)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(InvalidInput, match="is a file"):
        files.publish(tmp_path / "out", NEW, SCHEMA)


def count_steps(monkeypatch, fail_at):
    """Let the n-th call that touches the disk fail; returns the counter."""
    calls = {"n": 0}

    def failing(real):
        def call(*args, **kwargs):
            calls["n"] += 1
            if calls["n"] == fail_at:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return call

    for owner, name in (
        (os, "fsync"),
        (files, "_write"),
        (files, "_exchanged"),
        (files.Path, "rename"),
        (files.Path, "mkdir"),
    ):
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    return calls


@pytest.mark.parametrize("atomic", [True, False], ids=["one exchange", "two renames"])
@pytest.mark.parametrize("start", [None, OLD], ids=["absent", "former run"])
def test_whichever_step_fails_the_old_set_stands(tmp_path, start, atomic):
    finished = False
    for fail_at in range(1, 40):
        out = tmp_path / f"run{fail_at}" / "out"
        out.parent.mkdir()
        if start:
            files.publish(out, start, SCHEMA)
        with pytest.MonkeyPatch.context() as patch:
            if not atomic:
                patch.setattr(files, "_exchanged", lambda _a, _b: False)
            calls = count_steps(patch, fail_at)
            try:
                files.publish(out, NEW, SCHEMA)
                finished = calls["n"] < fail_at
            except EnvironmentTrouble as error:
                assert "No space left" in str(error)  # noqa: PT017
        now = content(out) if out.exists() else None
        assert now in (start, NEW)
        if finished:
            assert now == NEW
            break
        files.clear_drafts(out)
        assert siblings(out) == []
    assert finished


def replaced_and_watched(out, new, kept, monkeypatch):
    """What reached the disk before and after `new` and `kept` took their place: by inode, a file's size or a folder's names."""
    flushed = {"before": {}, "after": {}}
    now = "before"

    def watched(handle, real=os.fsync):
        real(handle)
        about = os.fstat(handle)
        is_folder = stat.S_ISDIR(about.st_mode)
        flushed[now][about.st_ino] = set(os.listdir(handle)) if is_folder else about.st_size

    def exchanged(draft, folder, real=files._put_in_place):
        nonlocal now
        real(draft, folder)
        now = "after"

    monkeypatch.setattr(files.os, "fsync", watched)
    monkeypatch.setattr(files, "_put_in_place", exchanged)
    files.replace_folder(out, new, kept)
    return flushed


def refuse_link(_old, _new):
    raise OSError(95, "no second names here")


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be flushed there")
@pytest.mark.parametrize("links", [True, False], ids=["linked", "copied"])
@pytest.mark.parametrize("start", [True, False], ids=["former set", "absent"])
def test_all_is_on_the_disk_before_it_takes_its_place_and_the_place_after(tmp_path, monkeypatch, start, links):
    out = tmp_path / "out"
    if start:
        files.replace_folder(out, {"kept.csv": b"as it was", "a/kept.csv": b"likewise", "gone.csv": b"x"})
    kept = ["kept.csv", "a/kept.csv"] if start else []
    if not links:
        monkeypatch.setattr(files.os, "link", refuse_link)
    new = {"plan.json": b"{}", "a/one.csv": b"1" * 10_000, "b/two.csv": b"22"}
    flushed = replaced_and_watched(out, new, kept, monkeypatch)

    made = {path.relative_to(out).as_posix(): path for path in out.rglob("*")}
    assert {name for name, path in made.items() if path.is_file()} == {*new, *kept}
    for name in {*new, *([] if links else kept)}:
        assert flushed["before"].get(made[name].stat().st_ino) == made[name].stat().st_size, name
    for folder in (out, made["a"], made["b"]):
        assert flushed["before"].get(folder.stat().st_ino) == {path.name for path in folder.iterdir()}, folder
    assert "out" in flushed["after"].get(tmp_path.stat().st_ino, ())


def publish_slowly(out, step):
    """Publish, dying without clean-up at the given disk step."""
    calls = {"n": 0}

    def dying(real):
        def call(*args, **kwargs):
            calls["n"] += 1
            if calls["n"] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call

    os.fsync = dying(os.fsync)
    files._write = dying(files._write)
    files._put_in_place = dying(files._put_in_place)
    files.shutil.rmtree = dying(files.shutil.rmtree)
    files.publish(out, NEW, SCHEMA)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_killed_at_any_step_the_folder_is_whole_and_the_next_run_cleans_up(tmp_path):
    context = multiprocessing.get_context("spawn")
    outcomes = set()
    for step in (1, 2, 4, 7, 8, 9, 10, 30):
        out = tmp_path / f"run{step}" / "out"
        out.parent.mkdir()
        files.publish(out, OLD, SCHEMA)
        child = context.Process(target=publish_slowly, args=(out, step))
        child.start()
        child.join(30)
        assert content(out) in (OLD, NEW)
        outcomes.add((child.exitcode, content(out) == NEW))
        files.publish(out, NEW, SCHEMA)
        assert content(out) == NEW
        assert siblings(out) == []
    assert (-signal.SIGKILL, False) in outcomes
    assert (0, True) in outcomes


def test_a_set_moved_away_but_not_replaced_comes_back(tmp_path):
    out = tmp_path / "out"
    files.publish(out, OLD, SCHEMA)
    out.rename(tmp_path / ".out.former-12345678")
    files.clear_drafts(out)
    assert content(out) == OLD


def hold_a_draft(out, ready, leave):
    with files._draft(out):
        ready.set()
        leave.wait(30)


@pytest.mark.skipif(files.fcntl is None, reason="no locks on this system")
def test_the_draft_of_a_live_run_is_left_alone(tmp_path):
    context = multiprocessing.get_context("spawn")
    out, ready, leave = tmp_path / "out", context.Event(), context.Event()
    child = context.Process(target=hold_a_draft, args=(out, ready, leave))
    child.start()
    assert ready.wait(30)
    files.publish(out, NEW, SCHEMA)
    drafts = siblings(out)
    leave.set()
    child.join(30)
    assert len(drafts) == 1
    time.sleep(0.01)
    assert siblings(out) == []
