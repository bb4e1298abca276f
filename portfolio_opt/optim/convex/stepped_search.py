"""A stepped programme from its convex answer: variables settle on their steps, then move, swap and are kicked while it gains.

The convex multipliers do three jobs. They price the rows while variables are moved one at a time; with each variable's own
non-convex minimum they bound what any point can reach; and what leaving its best piece costs a variable at those prices says
which ones are worth moving. The search ends as soon as the bound is near enough.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..solution import Solution, Status
from .separable import SeparableProgram
from .stepped import SteppedProgram, envelope

if TYPE_CHECKING:
    from .stepped_kernels import Arrays

Vector = NDArray[np.float64]
Convex = Callable[[SeparableProgram], Solution]

TOLERANCE = 1e-5
KICKS = 100
CANDIDATES = 200  # variables that are moved in pairs and kicks: the cheapest to move
TRIED = 24  # moves a round that are tried with every answer
HAIR = 1e-12  # relative: rows may be exceeded by rounding


def solve(
    program: SteppedProgram,
    convex: Convex,
    tolerance: float = TOLERANCE,
    kicks: int = KICKS,
    rng: np.random.Generator | None = None,
) -> Solution:
    """The best point found from the answer of the programme's convex envelope: OPTIMAL where its gap is within `tolerance`.

    convex: solves the envelope; its point and multipliers need not be exact, but a better one gives a better bound
    """
    answer = convex(envelope(program))
    if answer.status is Status.INFEASIBLE or not np.isfinite(answer.x).all():
        return answer  # what is below everything meets no limits, so nothing does
    found = search(program, answer.x, answer.multipliers, tolerance=tolerance, kicks=kicks, rng=rng)
    return Solution(**{**vars(found), "trail": answer.trail + found.trail})


def search(
    program: SteppedProgram,
    near: Vector,
    multipliers: Vector,
    starts: tuple[Vector, ...] = (),
    tolerance: float = TOLERANCE,
    kicks: int = KICKS,
    rng: np.random.Generator | None = None,
) -> Solution:
    """The best feasible point found by local moves, with its gap to the bound at `near` and the multipliers.

    near: (n,) a convex answer; multipliers: (q,) of its rows; starts: further points to begin from
    rng: draws the kicks; without one they are always the same
    Status: OPTIMAL within `tolerance`, LOCAL above it, FAILED where no allowed point within the rows was found.
    """
    n, q = len(program.linear), len(program.row_lower)
    for name, value, size in (("near", near, n), ("multipliers", multipliers, q), *(("starts", s, n) for s in starts)):
        if value.shape != (size,):
            raise InvalidInput(f"{name} has shape {value.shape}, not {(size,)}")
        if not np.isfinite(value).all():
            raise InvalidInput(f"{name} holds a value that is not finite")
    if not tolerance > 0:
        raise InvalidInput(f"tolerance is {tolerance}, but it must be above 0")
    if kicks < 0:
        raise InvalidInput(f"kicks is {kicks}, but it must not be negative")
    from .stepped_kernels import search as run  # compiles: only where it is used

    prices = np.where(multipliers > 0, np.isfinite(program.row_upper), np.isfinite(program.row_lower)) * multipliers
    points = np.vstack([near, *(program.term.nearest(start) for start in (near, *starts))]).astype(np.float64)
    draws = (np.random.default_rng(0) if rng is None else rng).random(kicks)
    arrays = _arrays(program)
    x, reached, bound = run(arrays, points, prices, draws, CANDIDATES, TRIED, tolerance)
    if reached == np.inf:  # where everything is at its base is often within the rows
        points = np.vstack([near, program.term.nearest(program.term.base)])
        x, reached, bound = run(arrays, points, prices, draws, CANDIDATES, TRIED, tolerance)
    objective, residual = program.objective(x), program.residual(x)
    gap = max(objective - bound, 0.0)
    if not residual <= 10 * HAIR:
        nothing = "no allowed point within the rows was found"
        return Solution(x, Status.FAILED, objective, residual, np.inf, prices, (f"search: {nothing}",))
    status = Status.OPTIMAL if gap <= tolerance else Status.LOCAL
    return Solution(x, status, objective, residual, gap, prices, (f"search: residual {residual:.1e}, gap {gap:.1e}",))


def _arrays(program: SteppedProgram) -> "Arrays":
    from .stepped_kernels import Arrays  # compiles: only where it is used

    term = program.term
    hair = HAIR * (1 + np.where(np.isfinite(program.row_upper), np.abs(program.row_upper), 0.0))
    loadings, diagonal, linear = (
        np.require(value, np.float64, ("C", "W"))  # one layout: compiled once
        for value in (program.loadings, program.diagonal, program.linear)
    )
    return Arrays(
        loadings=loadings,
        own=np.einsum("ij,ij->i", loadings, loadings),
        diagonal=diagonal,
        linear=linear,
        columns=np.ascontiguousarray(program.rows.T, dtype=np.float64),
        row_lower=program.row_lower - hair,
        row_upper=program.row_upper + hair,
        first=term.first,
        last=term.last,
        constant=term.constant,
        slope=term.slope,
        base=term.base,
        step=term.step,
    )
