"""Many separable programmes that share their quadratic, solved side by side: every account of a broker."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ..solution import Solution, Status
from . import newton_dual
from .separable import Matrix, SeparableProgram, Vector

if TYPE_CHECKING:
    from . import kernels

Array = NDArray[np.float64]
AT_A_TIME = 64  # programmes that a core takes on


@dataclass(frozen=True)
class SeparableBatch:
    """B programmes  minimise risk_aversion_b/2 (|F'w|² + sum_i d_i w_i²) - m_b'w + cost_b(w)  in their own limits.

    loadings (n, k), diagonal (n,) positive, rows (q, n) are shared, the rest is as in SeparableProgram with a leading axis:
    linear, origin, lower, upper (B, n); kinks (B, n, J); slopes (B, n, J + 1); row_lower, row_upper (B, q). An axis of 1 means
    that all share it. risk_aversion: (B,) positive
    """

    loadings: Matrix
    diagonal: Vector
    linear: Matrix
    kinks: Array
    slopes: Array
    origin: Matrix
    lower: Matrix
    upper: Matrix
    rows: Matrix
    row_lower: Matrix
    row_upper: Matrix
    risk_aversion: Vector

    def __post_init__(self) -> None:
        if self.risk_aversion.ndim != 1 or not (np.isfinite(self.risk_aversion) & (self.risk_aversion > 0)).all():
            raise InvalidInput("risk_aversion must be one positive number for each programme")
        for name in OWN:
            array = getattr(self, name)
            if array.ndim != (3 if name in ("kinks", "slopes") else 2) or len(array) not in (1, len(self)):
                raise InvalidInput(f"{name} has shape {array.shape}, but needs a leading axis of 1 or {len(self)}")
        self.program(0)  # shapes and shared arrays
        for name in OWN:
            array, one_sided = getattr(self, name), name in ("lower", "upper", "row_lower", "row_upper")
            if np.isnan(array).any() or not (one_sided or np.isfinite(array).all()):
                raise InvalidInput(f"{name} holds a value that is not finite")
        for low, high in (("lower", "upper"), ("row_lower", "row_upper")):
            if (getattr(self, low) > getattr(self, high)).any():
                raise InvalidInput(f"{low} lies above {high}")
            if (getattr(self, low) == np.inf).any() or (getattr(self, high) == -np.inf).any():
                raise InvalidInput(f"{low} or {high} is infinite on the wrong side")
        for name in ("slopes", "kinks"):
            if (np.diff(getattr(self, name)) < 0).any():
                raise InvalidInput("kinks must rise and slopes must not fall along a row: the cost is not convex")

    def __len__(self) -> int:
        return len(self.risk_aversion)

    def program(self, b: int) -> SeparableProgram:
        """The b-th programme by itself."""
        own = {name: getattr(self, name)[b % len(getattr(self, name))] for name in OWN}
        root = np.sqrt(self.risk_aversion[b])
        return SeparableProgram(loadings=self.loadings * root, diagonal=self.diagonal * root**2, rows=self.rows, **own)

    def rows_of(self, chosen: NDArray[np.int64]) -> "SeparableBatch":
        """Some of the programmes."""
        own = {name: getattr(self, name) for name in OWN}
        own = {name: array[chosen] if len(array) > 1 else array for name, array in own.items()}
        return replace(self, risk_aversion=self.risk_aversion[chosen], **own)


OWN = ("linear", "kinks", "slopes", "origin", "lower", "upper", "row_lower", "row_upper")


@dataclass(frozen=True)
class BatchSolution:
    """One row a programme: the fields of Solution, stacked. certificates: of those without an answer, by their number."""

    x: Matrix
    status: tuple[Status, ...]
    objective: Vector
    residual: Vector
    gap: Vector
    multipliers: Matrix
    iterations: NDArray[np.int64]
    certificates: dict[int, Vector]

    def rows_of(self, chosen: NDArray[np.int64]) -> "BatchSolution":
        """The answers of some programmes."""
        return BatchSolution(
            self.x[chosen],
            tuple(self.status[b] for b in chosen),
            self.objective[chosen],
            self.residual[chosen],
            self.gap[chosen],
            self.multipliers[chosen],
            self.iterations[chosen],
            {k: self.certificates[int(b)] for k, b in enumerate(chosen) if int(b) in self.certificates},
        )


def solve(
    batch: SeparableBatch,
    tolerance: float = newton_dual.TOLERANCE,
    max_iterations: int = newton_dual.STEPS,
    cores: int | None = None,
    start: BatchSolution | None = None,
) -> BatchSolution:
    """Every programme's minimiser with its own certificate; the answers do not depend on the number of cores.

    cores: threads to use, by default one for each core; start: answers to similar programmes, from which fewer steps are needed.
    What Newton alone does not finish goes to newton_dual.solve().
    """
    return _run(batch, AT_A_TIME, False, tolerance, max_iterations, cores or os.cpu_count() or 1, start)


def _run(
    batch: SeparableBatch,
    together: int,
    ordered: bool,
    tolerance: float,
    max_iterations: int,
    cores: int,
    start: BatchSolution | None = None,
) -> BatchSolution:
    from . import kernels  # numba takes half a second to import: only where it is used

    count, n, q = len(batch), len(batch.diagonal), len(batch.rows)
    stack = _stack(batch)
    answers = kernels.Answers(
        np.zeros((count, n)), np.zeros((count, q)), np.full((count, 5), np.nan), np.zeros(count, np.int64)
    )
    if start is not None:
        answers.w[:], answers.v[:] = np.nan_to_num(start.x), np.nan_to_num(start.multipliers)
    C = kernels.side_by_side(stack.F, stack.A)
    limit = min(max_iterations, newton_dual.STEPS_AT_A_TIME)

    def run(first: int) -> None:
        kernels.solve_stack(
            stack, C, first, min(first + together, count), ordered, start is not None, limit, tolerance, answers
        )

    if n and batch.diagonal.min() > 0:
        run_all = range(0, count, together)
        if cores > 1 and len(run_all) > 1:
            with ThreadPoolExecutor(cores) as threads:
                list(threads.map(run, run_all))
        else:
            for first in run_all:
                run(first)
    return _finished(batch, answers, tolerance, max_iterations)


def _stack(batch: SeparableBatch) -> "kernels.Stack":
    from . import kernels

    names = ("loadings", "rows", "diagonal", *OWN, "risk_aversion")
    return kernels.Stack._make(np.ascontiguousarray(getattr(batch, name), np.float64) for name in names)


def finished(
    batch: SeparableBatch, w: Matrix, v: Matrix, steps: NDArray[np.int64], tolerance: float, max_iterations: int
) -> BatchSolution:
    """Points and row prices that another engine found, certified here; what does not hold goes to newton_dual.solve()."""
    from . import kernels

    answers = kernels.Answers(w, v, np.full((len(batch), 5), np.nan), steps)
    kernels.certify_stack(_stack(batch), answers)
    return _finished(batch, answers, tolerance, max_iterations)


def _finished(
    batch: SeparableBatch, answers: "kernels.Answers", tolerance: float, max_iterations: int
) -> BatchSolution:
    """The answers; those that do not hold are replaced by what the patient solver says."""
    objective, residual, violation, gap, size = np.ascontiguousarray(answers.figures.T)
    held = (violation <= newton_dual.FEASIBLE) & (gap <= tolerance * size)  # NaN is not
    status = [Status.OPTIMAL] * len(batch)
    certificates = {}
    for b in np.flatnonzero(~held).tolist():
        alone: Solution = newton_dual.solve(batch.program(b), None, tolerance, max_iterations)
        status[b] = alone.status
        answers.w[b], answers.v[b], answers.steps[b] = alone.x, alone.multipliers, alone.iterations
        objective[b], residual[b], gap[b] = alone.objective, alone.residual, alone.gap
        if alone.certificate is not None:
            certificates[b] = alone.certificate
    return BatchSolution(answers.w, tuple(status), objective, residual, gap, answers.v, answers.steps, certificates)
