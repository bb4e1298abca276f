"""Runs on a store in processes of their own, to be killed, to wait and to be watched."""

import os
import shutil
import signal

from portfolio_opt import files
from portfolio_opt.commands.ingest import run


def content(folder):
    """Every file of a folder but cached matrices, by its path in it, as bytes."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(found.items()) if not name.startswith("wide-")}


def ingest(store, *sources, **options):
    """The `ingest` command's document."""
    return run(sources, {"store": str(store)} | options)


def die_at(step, store, sources):
    """Ingest, dying without clean-up at the given disk step."""
    calls = 0

    def dying(real):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call

    for owner, name in ((os, "fsync"), (os, "link"), (files, "_write"), (files, "_put_in_place"), (shutil, "rmtree")):
        setattr(owner, name, dying(getattr(owner, name)))
    ingest(store, *sources)


def hold_the_lock(store, ready, leave):
    with files.locked(store):
        ready.set()
        leave.wait(60)


def ingest_when_told(store, sources, ready):
    ready.wait(30)
    ingest(store, *sources)


def ingest_one_by_one(store, sources, stop):
    for source in sources:
        ingest(store, source)
    stop.set()
