"""The state of a search for a front in a folder, whole or not at all: arrays without pickle, the rest as JSON."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from ...files import replace_folder
from ..lots.statement_search import StatementSearch
from ..problem import Problem
from ..statement.term import Limit
from .aims import Aim, values_of
from .climbs import Known

SCHEMA = "portfolio_opt.front-search/1"


def settings_of(
    problem: Problem, aims: Sequence[Aim], limits: Sequence[Limit], points: int, seed: int, engine: str
) -> str:
    """A digest of all that a search depends on."""
    whole = hashlib.sha256()
    beliefs, day = problem.beliefs, problem.day
    arrays = (
        beliefs.mean, beliefs.loadings, beliefs.specific, problem.held, problem.held_long, problem.total_cost, day.close,
        day.buy_limit, day.sell_limit, day.turnover, day.lot, day.can_buy, day.can_sell,
    )  # fmt: skip
    for array in (*arrays, *([] if beliefs.scenarios is None else [beliefs.scenarios])):
        whole.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    words = [aim.name + repr(aim.objective) for aim in aims] + [repr(limit) for limit in limits]
    words += [str(each) for each in (day.symbols.tolist(), problem.cash, problem.outside_value, problem.holding_period)]
    words += [problem.account.investor, str(day.trade_date), str(points), str(seed), engine]
    whole.update("\n".join(words).encode())
    return whole.hexdigest()


def write_known(folder: Path, settings: str, known: Known) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, units=known.units)
    packed = buffer.getvalue()
    document = {
        "schema": SCHEMA,
        "settings": settings,
        "rounds": known.rounds,
        "volumes": [volume.hex() for volume in known.volumes],
        "reference": [] if known.reference is None else [figure.hex() for figure in known.reference.tolist()],
        "units_sha256": hashlib.sha256(packed).hexdigest(),
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    replace_folder(folder, {"units.npz": packed, "state.json": text.encode()})


def read_known(folder: Path, settings: str, judge: StatementSearch, aims: Sequence[Aim]) -> Known | None:
    """The state in a folder, None where there is none.

    Raises InvalidInput where the files are damaged or come from a search for something else.
    """
    if not (folder / "state.json").exists():
        return None
    try:
        document = json.loads((folder / "state.json").read_bytes())
        packed = (folder / "units.npz").read_bytes()
        if document["schema"] != SCHEMA or document["units_sha256"] != hashlib.sha256(packed).hexdigest():
            raise ValueError("its parts do not belong together")
        if document["settings"] != settings:
            raise InvalidInput(
                f"the checkpoint in {folder.name} is of another problem: other prices, holdings, aims, limits, points or seed; "
                "give the same, or delete it to start again"
            )
        with np.load(io.BytesIO(packed), allow_pickle=False) as table:
            units = table["units"]
        n = len(judge.problem.unit)
        if units.dtype != np.int64 or units.ndim != 2 or units.shape[1] != n or not len(units) or (units < 0).any():
            raise ValueError(f"units is {units.dtype} of shape {units.shape}")
        rounds, volumes = document["rounds"], tuple(float.fromhex(each) for each in document["volumes"])
        reference = np.array([float.fromhex(each) for each in document["reference"]])
        if type(rounds) is not int or rounds != len(volumes) or not np.isfinite(volumes).all():
            raise ValueError("rounds and volumes do not belong together")
        if len(reference) != len(aims) or not np.isfinite(reference).all():
            raise ValueError("it has another number of aims")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"checkpoint {folder.name} cannot be read ({error}): delete it to start again") from None
    return Known(units, values_of(aims, judge.problem, units * judge.problem.unit), rounds, volumes, reference)
