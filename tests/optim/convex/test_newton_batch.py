"""Many programmes at once, along a path, on torch: each answer is that of the single solve, with a certificate of its own."""

from dataclasses import replace

import numpy as np
import pytest
from constructed_programs import infeasible, known_optimum
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex import batch
from portfolio_opt.optim.convex.batch import OWN, SeparableBatch
from portfolio_opt.optim.convex.newton_dual import FEASIBLE, solve
from portfolio_opt.optim.convex.path import solve_path
from portfolio_opt.optim.solution import Status


def accounts(seed, count, n=30, k=4, flat=0.0):
    """A batch around one programme: other holdings, costs, means and appetites, and boxes that leave its optimum inside."""
    rng = np.random.default_rng(seed)
    p = known_optimum(seed, n, k=k, q=3, kinks=2, flat=flat).program
    held = rng.random((count, n))
    return SeparableBatch(
        loadings=p.loadings,
        diagonal=p.diagonal,
        rows=p.rows,
        linear=p.linear + 0.1 * rng.normal(size=(count, n)),
        kinks=np.sort(np.stack([held, held * rng.random((count, n))], axis=2), axis=2),
        slopes=np.sort(rng.normal(size=(count, n, 3)), axis=2),
        origin=held,
        lower=p.lower[None],
        upper=p.upper[None],
        row_lower=p.row_lower[None],
        row_upper=p.row_upper[None],
        risk_aversion=rng.uniform(0.1, 10, count),
    )


def torch_solve(problems, **options):
    pytest.importorskip("torch")
    from portfolio_opt.optim.convex import batch_torch

    return batch_torch.solve(problems, **options)


def check_batch(solve_batch, problems):
    """Every answer is feasible and within the gap it states of the single solve's, and the points agree."""
    answers = solve_batch(problems)
    for b in range(len(problems)):
        program = problems.program(b)
        alone = solve(program)
        assert answers.status[b] is alone.status is Status.OPTIMAL
        assert answers.x[b] == pytest.approx(alone.x, abs=1e-6)
        assert answers.multipliers[b] @ program.rows == pytest.approx(alone.multipliers @ program.rows, abs=1e-5)
        assert answers.objective[b] == pytest.approx(program.objective(answers.x[b]), rel=1e-9, abs=1e-9)
        assert answers.residual[b] == pytest.approx(program.residual(answers.x[b]), abs=1e-12)
        assert answers.residual[b] <= FEASIBLE
        assert answers.objective[b] - answers.gap[b] <= alone.objective + 1e-9


@pytest.mark.parametrize("solve_batch", [batch.solve, torch_solve])
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), flat=st.sampled_from([0.0, 0.0, 0.3]))
def test_a_batch_gives_the_single_answers(solve_batch, seed, flat):
    check_batch(solve_batch, accounts(seed, 7, flat=flat))


def swapped(problems):
    """A broken engine: two accounts get each other's answer."""
    answers = batch.solve(problems)
    order = np.arange(len(problems))
    order[:2] = 1, 0
    return replace(answers, x=answers.x[order])


def without_appetite(problems):
    return batch.solve(replace(problems, risk_aversion=np.ones(len(problems))))


@pytest.mark.parametrize("broken", [swapped, without_appetite])
def test_a_broken_engine_fails_the_check(broken):
    with pytest.raises(AssertionError):
        check_batch(broken, accounts(3, 5))


def test_the_number_of_cores_leaves_every_digit_alone():
    problems = accounts(1, 150)
    one, two = batch.solve(problems, cores=1), batch.solve(problems, cores=2)
    assert (one.x == two.x).all()
    assert (one.gap == two.gap).all()


@pytest.mark.parametrize("solve_batch", [batch.solve, torch_solve])
def test_an_infeasible_account_leaves_the_others_alone(solve_batch):
    p = infeasible(4, 10, 1e-3)
    shared = {name: getattr(p, name) for name in ("loadings", "diagonal", "rows")}
    own = {name: np.stack([getattr(p, name)] * 3) for name in OWN}
    own["row_lower"][[0, 2]] -= 2.0
    answers = solve_batch(SeparableBatch(**shared, **own, risk_aversion=np.ones(3)))
    assert answers.status == (Status.OPTIMAL, Status.INFEASIBLE, Status.OPTIMAL)
    assert list(answers.certificates) == [1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), flat=st.sampled_from([0.0, 0.3]), rising=st.booleans())
def test_a_path_gives_the_single_answers(seed, flat, rising):
    program = known_optimum(seed, 30, k=4, flat=flat).program
    aversions = np.geomspace(0.1, 50, 9)[:: 1 if rising else -1]
    answers = solve_path(program, aversions)
    for b, aversion in enumerate(aversions):
        root = np.sqrt(aversion)
        alone = solve(replace(program, loadings=program.loadings * root, diagonal=program.diagonal * aversion))
        assert answers.status[b] is Status.OPTIMAL
        assert answers.objective[b] == pytest.approx(alone.objective, rel=1e-7, abs=1e-8)


def test_a_path_may_stand_still():
    answers = solve_path(known_optimum(1, 30).program, np.array([2.0, 2.0, 2.0, 3.0]))
    assert set(answers.status) == {Status.OPTIMAL}
    assert answers.objective[0] == pytest.approx(answers.objective[2], rel=1e-12)


ARRAYS = (*OWN, "loadings", "diagonal", "rows", "risk_aversion")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("value", [np.nan, "shape"])
def test_bad_input_is_refused_by_name(name, value):
    problems = accounts(1, 4)
    array = getattr(problems, name).copy()
    if value == "shape":
        array = array[..., None, None]
    else:
        array.flat[-1] = value
    with pytest.raises(InvalidInput, match=f"^{name} "):
        replace(problems, **{name: array})
