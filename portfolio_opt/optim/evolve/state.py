"""Everything a search knows between two generations, and its checkpoint on disk."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...files import replace_folder
from .archive import Archive
from .problem import Evaluated, ParetoProblem, Vector

SCHEMA = "portfolio_opt.evolve/1"


@dataclass(frozen=True)
class State:
    """A search after some generation. reference: (m,) of the hypervolume, NaN until a feasible point is known."""

    population: Evaluated
    crowding: Vector
    archive: Archive
    reference: Vector
    generation: int
    evaluations: int
    refused: int
    duplicates: int


def write_checkpoint(folder: Path, settings: dict[str, Any], state: State, rng: np.random.Generator) -> None:
    """Make `folder` hold this state, whole or not at all: arrays without pickle, the rest as JSON with their digest."""
    arrays = {
        "population_x": state.population.X,
        "population_f": state.population.F,
        "population_violation": state.population.violation,
        "crowding": state.crowding,
        "archive_x": state.archive.points.X,
        "archive_f": state.archive.points.F,
        "exact": state.archive.exact,
        "reference": state.reference,
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    packed = buffer.getvalue()
    document = {
        "schema": SCHEMA,
        "settings": settings,
        "generation": state.generation,
        "evaluations": state.evaluations,
        "refused": state.refused,
        "duplicates": state.duplicates,
        "random": rng.bit_generator.state,
        "arrays_sha256": hashlib.sha256(packed).hexdigest(),
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    replace_folder(folder, {"arrays.npz": packed, "state.json": text.encode()})


def read_checkpoint(folder: Path, settings: dict[str, Any], problem: ParetoProblem, rng: np.random.Generator) -> State:
    """The state in `folder`; `rng` continues where it stood.

    Raises InvalidInput if the files are damaged, or were written by a search with other settings.
    """
    try:
        document = json.loads((folder / "state.json").read_bytes())
        packed = (folder / "arrays.npz").read_bytes()
        if document["schema"] != SCHEMA or document["arrays_sha256"] != hashlib.sha256(packed).hexdigest():
            raise ValueError("its parts do not belong together")
        for name, value in settings.items():
            if document["settings"].get(name) != value:
                raise InvalidInput(
                    f"checkpoint {folder.name} was made with another {name}: give the same, or another folder"
                )
        arrays = _checked(_unpacked(packed), problem, settings["population"])
        state = State(
            Evaluated(arrays["population_x"], arrays["population_f"], arrays["population_violation"]),
            arrays["crowding"],
            Archive(
                Evaluated(arrays["archive_x"], arrays["archive_f"], np.zeros(len(arrays["archive_x"]))),
                arrays["exact"],
                settings["archive_size"],
            ),
            arrays["reference"],
            _count(document, "generation", 1),
            _count(document, "evaluations", 0),
            _count(document, "refused", 0),
            _count(document, "duplicates", 0),
        )
        rng.bit_generator.state = document["random"]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise InvalidInput(f"checkpoint {folder.name} cannot be read ({error}): delete it to start again") from None
    return state


def _unpacked(packed: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(packed), allow_pickle=False) as table:
        return dict(table)


def _count(document: dict[str, Any], name: str, least: int) -> int:
    value = document[name]
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is {value!r}")
    return value


def _checked(arrays: dict[str, NDArray[Any]], problem: ParetoProblem, population: int) -> dict[str, NDArray[Any]]:
    """The arrays, if they are what a search over this problem writes; raises ValueError naming the first that is not."""
    n, m = problem.lower.size, problem.objective_count
    known, kept = len(arrays["population_x"]), len(arrays["archive_x"])
    shapes = {
        "population_x": (known, n),
        "population_f": (known, m),
        "population_violation": (known,),
        "crowding": (known,),
        "archive_x": (kept, n),
        "archive_f": (kept, m),
        "exact": (kept,),
        "reference": (m,),
    }
    for name, shape in shapes.items():
        array, kind = arrays[name], np.bool_ if name == "exact" else np.float64
        if array.shape != shape or array.dtype != kind:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {np.dtype(kind)} of shape {shape}")
    if not 1 <= known <= population:
        raise ValueError(f"population_x holds {known} genomes of {population}")
    for name in ("population_x", "archive_x"):
        if not ((arrays[name] >= problem.lower) & (arrays[name] <= problem.upper)).all():
            raise ValueError(f"{name} holds a genome outside the box")
    if np.isnan(arrays["population_f"]).any() or not (arrays["population_violation"] >= 0).all():
        raise ValueError("population_f or population_violation holds what no evaluation gives")
    if not np.isfinite(arrays["archive_f"]).all() or np.isnan(arrays["crowding"]).any():
        raise ValueError("archive_f or crowding holds a value that is not finite")
    return arrays


def digest(*arrays: NDArray[np.float64] | None) -> str:
    """A short name for some arrays, equal where their shapes and bytes are."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(b"none" if array is None else f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:16]
