"""NSGA-II with its archive: known fronts, nothing lost, nothing random but the seed."""

import hashlib
import io
import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pareto_problems import dominates, dtlz2, onto_simplex, small_portfolio, zdt

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.evolve.archive import empty_archive
from portfolio_opt.optim.evolve.domination import fronts, hypervolume, non_dominated
from portfolio_opt.optim.evolve.duplicates import first_of_each, keys
from portfolio_opt.optim.evolve.nsga2 import evolve
from portfolio_opt.optim.evolve.problem import Evaluated, ParetoProblem
from portfolio_opt.optim.evolve.result import Ending


def recorded(problem):
    """The problem, and a list that receives every batch of genomes with its objectives."""
    seen = []

    def objectives(X):
        F = problem.objectives(X)
        seen.append((X.copy(), np.array(F)))
        return F

    return replace(problem, objectives=objectives), seen


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "reference") for name in vars(a))


# ---- fronts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "reference", "best", "share"),
    [
        (zdt(1), [1.1, 1.1], 0.87666, 0.99),  # the whole fronts' volumes, by integration
        (zdt(2), [1.1, 1.1], 0.54333, 0.985),
        (zdt(3), [1.1, 1.1], 1.33176, 0.98),
        (dtlz2(), [1.1, 1.1, 1.1], 0.80740, 0.93),  # 1.331 - pi/6
    ],
    ids=["zdt1", "zdt2", "zdt3", "dtlz2"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_known_fronts_are_reached_within_20000_evaluations(problem, reference, best, share, seed):
    found = evolve(problem, seed=seed, reference=reference, max_evaluations=20_000)
    assert found.evaluations <= 20_000
    assert share * best <= found.hypervolume <= best * (1 + 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("problem", [zdt(1), zdt(2), zdt(3), dtlz2()], ids=["zdt1", "zdt2", "zdt3", "dtlz2"])
def test_in_the_median_we_are_no_worse_than_plain_pymoo_at_equal_evaluations(problem):
    """25,000 evaluations as in Zitzler, Deb and Thiele 2000, and at most as many points as pymoo's population has.

    Long before convergence, at 10,000, the two are the same search and differ by luck alone.
    """
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    from portfolio_opt.optim.evolve.pymoo_native import NativeProblem

    reference, ours, theirs = np.full(problem.objective_count, 1.1), [], []
    for seed in range(5):
        ours.append(evolve(problem, seed=seed, reference=reference, archive_size=100, generations=250).hypervolume)
        plain = minimize(NativeProblem(problem), NSGA2(pop_size=100), ("n_gen", 250), seed=seed)
        theirs.append(hypervolume(plain.F, reference))
    assert np.median(ours) >= np.median(theirs)


def test_the_mean_variance_front_is_found_and_every_genome_is_repaired():
    problem, seen = recorded(small_portfolio())
    found = evolve(problem, seed=0, generations=100, population=60)
    assert all(np.abs(X.sum(1) - 1).max() < 1e-12 and X.min() >= 0 for X, _ in seen)
    assert found.X.sum(1) == pytest.approx(np.ones(len(found.X)))
    assert np.allclose(found.F, problem.objectives(found.X), atol=0)  # the genomes hold what was evaluated
    grid = onto_simplex(np.random.default_rng(0).gamma(0.5, size=(20_000, 6)))
    beaten = [any(dominates(f, other) for f in found.F) for other in problem.objectives(grid)[:2000]]
    assert np.mean(beaten) > 0.99


# ---- the archive ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", [zdt(3, 5), dtlz2(6), small_portfolio()], ids=["zdt3", "dtlz2", "portfolio"])
def test_the_archive_is_mutually_non_dominated_and_holds_every_such_point_evaluated(problem):
    problem, seen = recorded(problem)
    found = evolve(problem, seed=4, generations=15, population=40, archive_size=10_000)
    F = np.concatenate([F for _, F in seen])
    assert len(F) == found.evaluations
    best = {tuple(f) for f in F if not any(dominates(other, f) for other in F)}
    assert {tuple(f) for f in found.F} == best
    assert len(found.F) == len(best)


def test_a_full_archive_keeps_the_ends_and_spreads_out():
    problem = zdt(1, 5)
    whole = evolve(problem, seed=0, generations=60, archive_size=10_000, reference=[1.1, 1.1])
    thin = evolve(problem, seed=0, generations=60, archive_size=30, reference=[1.1, 1.1])
    assert len(thin.F) == 30
    assert thin.F.min(0) == pytest.approx(whole.F.min(0), abs=1e-3)
    gaps = np.linalg.norm(np.diff(thin.F, axis=0), axis=1)
    assert gaps.max() < 4 * gaps.min()
    assert thin.hypervolume > 0.97 * whole.hypervolume


def test_of_the_two_points_that_stand_closest_the_one_with_less_room_beyond_goes():
    t = np.array([0, 0.1, 0.5, 0.54, 1])
    archive = empty_archive(1, 2, 4).with_new(Evaluated(t[:, None], np.column_stack([t, 1 - t]), np.zeros(5)))
    assert sorted(archive.points.X[:, 0]) == [0, 0.1, 0.54, 1]


def test_exact_points_are_never_lost():
    """The front of ZDT1 is x = (t, 0, ..., 0); plain NSGA-II keeps but a few of 50 such points in a population of 40."""
    problem, exact = zdt(1), np.zeros((50, 30))
    exact[:, 0] = np.linspace(0, 1, 50)
    found = evolve(problem, seed=0, generations=40, population=40, archive_size=20, exact=exact)
    assert found.exact.sum() == 50
    assert {tuple(x) for x in exact} == {tuple(x) for x in found.X[found.exact]}
    assert len(found.X) <= 50 + 20


def test_an_exact_point_yields_only_to_one_that_is_better_by_more_than_rounding():
    def points(*F):
        return Evaluated(np.zeros((len(F), 1)), np.array(F, dtype=float), np.zeros(len(F)))

    archive = empty_archive(1, 2, 10).with_new(points([0, 1], [1, 0]), exact=True)
    noise = archive.with_new(points([0, 1 - 1e-12]))
    assert np.array_equal(noise.points.F, archive.points.F)
    better = archive.with_new(points([0, 0.9]))
    assert {tuple(f) for f in better.points.F} == {(0, 0.9), (1, 0)}
    assert better.exact.sum() == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 4), size=st.integers(1, 30), levels=st.sampled_from([3, 1000]))
def test_whatever_arrives_the_archive_stays_non_dominated_and_bounded(seed, m, size, levels):
    rng = np.random.default_rng(seed)
    archive = empty_archive(1, m, size)
    for _ in range(4):
        F = rng.integers(0, levels, (rng.integers(0, 40), m)).astype(float)
        violation = rng.choice([0.0, 0.0, 1.0, np.inf], len(F))
        archive = archive.with_new(Evaluated(np.zeros((len(F), 1)), F, violation))
        F = archive.points.F
        assert len(F) <= size
        assert (archive.points.violation == 0).all()
        assert not any(dominates(a, b) or (a == b).all() for i, a in enumerate(F) for j, b in enumerate(F) if i != j)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 4))
def test_fronts_and_non_domination_follow_the_definition(seed, m):
    F = np.random.default_rng(seed).integers(0, 6, (25, m)).astype(float)
    alone = np.array([not any(dominates(other, f) for other in F) for f in F])
    assert {tuple(f) for f in F[alone]} == {tuple(f) for f in F[non_dominated(F)]}
    peeled = fronts(F, len(F))
    assert sorted(np.concatenate(peeled)) == list(range(25))
    assert set(peeled[0]) == set(np.flatnonzero(alone))
    for upper, lower in pairwise(peeled):
        assert all(any(dominates(F[i], F[j]) for i in upper) for j in lower)


def test_hypervolume_is_exact_for_few_objectives_and_close_for_many():
    assert hypervolume(np.array([[5, 5], [4, 6], [2, 7], [7, 4.0]]), np.full(2, 10.0)) == 38  # moocore's documentation
    assert hypervolume(np.array([[11, 0.0]]), np.full(2, 10.0)) == 0
    assert hypervolume(np.full((1, 7), 0.5), np.ones(7)) == pytest.approx(0.5**7, rel=1e-2)


# ---- determinism, checkpoints, limits -----------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_in_any_process_and_another_seed_another_answer():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pareto_problems import zdt\nfrom portfolio_opt.optim.evolve.nsga2 import evolve\nimport hashlib\n"
        "found = evolve(zdt(1, 5), seed=3, generations=8, population=20)\n"
        "print(hashlib.sha256(found.X.tobytes() + found.F.tobytes()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code, str(Path(__file__).parent)],
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert len(outputs) == 1
    runs = [evolve(zdt(1, 5), seed=seed, generations=8, population=20) for seed in (3, 3, 4)]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_resumed_search_equals_the_straight_one_bit_for_bit_generation_by_generation(tmp_path, stop):
    settings = {"seed": 5, "population": 20, "archive_size": 15, "checkpoint_every": 3}
    straight_log, resumed_log = [], []

    def log(to):
        return lambda step: to.append((step.generation, step.evaluations, step.hypervolume))

    straight = evolve(small_portfolio(), generations=10, progress=log(straight_log), **settings)
    folder = tmp_path / "run"
    for generations in (stop, 10):
        resumed = evolve(
            small_portfolio(), generations=generations, progress=log(resumed_log), checkpoint=folder, **settings
        )
    assert same(straight, resumed)
    assert straight_log == resumed_log
    again = evolve(small_portfolio(), generations=10, checkpoint=folder, progress=pytest.fail, **settings)
    assert same(straight, again)


def test_a_search_that_dies_in_mid_generation_continues_from_its_last_checkpoint(tmp_path):
    plain, calls = zdt(1, 4), []

    def dies(X):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return plain.objectives(X)

    settings = {"seed": 2, "population": 12, "generations": 9, "checkpoint": tmp_path / "run", "checkpoint_every": 2}
    with pytest.raises(KeyboardInterrupt):
        evolve(replace(plain, objectives=dies), **settings)
    resumed = evolve(plain, **settings)
    assert same(resumed, evolve(plain, **{**settings, "checkpoint": None}))


def test_a_checkpoint_is_two_plain_files_without_pickle(tmp_path):
    evolve(zdt(1, 4), seed=0, population=8, generations=2, checkpoint=tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["arrays.npz", "state.json"]
    assert json.loads((tmp_path / "run" / "state.json").read_text())["schema"] == "portfolio_opt.evolve/1"
    with np.load(tmp_path / "run" / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "arrays.npz").write_bytes(b"half"),
        lambda folder: (folder / "arrays.npz").unlink(),
        lambda folder: (folder / "state.json").write_text("{"),
        lambda folder: (folder / "state.json").write_text("[]"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    folder = tmp_path / "run"
    evolve(zdt(1, 4), seed=0, population=8, generations=2, checkpoint=folder)
    damage(folder)
    with pytest.raises(InvalidInput, match="checkpoint run cannot be read"):
        evolve(zdt(1, 4), seed=0, population=8, generations=4, checkpoint=folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 1}, "seed"), ({"population": 10}, "population"), ({"start": np.zeros((1, 4))}, "given")],
)
def test_a_checkpoint_of_another_search_is_refused(tmp_path, change, named):
    arguments = {"seed": 0, "population": 8, "generations": 2, "checkpoint": tmp_path / "run"}
    evolve(zdt(1, 4), **arguments)
    with pytest.raises(InvalidInput, match=f"another {named}"):
        evolve(zdt(1, 4), **{**arguments, **change})


def test_limits_end_the_search_and_say_so():
    ticks = iter(range(100))
    found = evolve(zdt(1, 4), seed=0, population=8, time_limit=2.5, clock=lambda: float(next(ticks)))
    assert found.ending is Ending.TIME
    assert found.generations == 3
    found = evolve(zdt(1, 4), seed=0, population=8, max_evaluations=30)
    assert found.ending is Ending.EVALUATIONS
    assert found.evaluations == 24


def test_when_the_repair_leaves_few_genomes_the_search_ends_instead_of_going_round():
    problem = replace(zdt(1, 3), repair=lambda X: np.round(X))
    problem, seen = recorded(problem)
    found = evolve(problem, seed=0, population=8, generations=50)
    assert found.ending is Ending.EXHAUSTED
    assert found.evaluations == 8 == len({x.tobytes() for X, _ in seen for x in X})


def test_given_genomes_are_evaluated_first_and_counted():
    problem, seen = recorded(zdt(1, 4))
    start = np.array([[0.3, 0, 0, 0], [0.6, 0, 0, 0]])
    found = evolve(problem, seed=0, population=8, generations=1, start=start)
    assert np.array_equal(seen[0][0][:2], start)
    assert found.evaluations == 8
    assert {tuple(x) for x in start} <= {tuple(x) for x in found.X}  # being on the front


# ---- the handbook's traps --------------------------------------------------------------------------------------------------


def test_trap_the_handbooks_imports_are_gone_and_ours_work():
    with pytest.raises(ModuleNotFoundError):
        __import__("pymoo.algorithms.nsga2")
    with pytest.raises(ModuleNotFoundError):
        __import__("pymoo.factory")
    assert evolve(zdt(1, 3), seed=42, population=8, generations=2).ending is Ending.GENERATIONS


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, None])
def test_trap_values_that_are_not_finite_are_refused_counted_and_never_in_the_front(bad):
    plain, seen = zdt(1, 4), []

    def objectives(X):
        F = plain.objectives(X).astype(object)
        seen.append(int((X[:, 1] > 0.5).sum()))
        F[X[:, 1] > 0.5, 1] = bad
        return F

    found = evolve(replace(plain, objectives=objectives), seed=0, population=20, generations=10)
    assert found.refused == sum(seen) > 0
    assert np.isfinite(found.F).all()
    assert (found.X[:, 1] <= 0.5).all()


def test_trap_an_infeasible_search_gives_its_least_violating_genome_instead_of_none():
    problem = replace(zdt(1, 4), violations=lambda X: 0.5 + X[:, 0])
    found = evolve(problem, seed=0, population=20, generations=20)
    assert found.ending is Ending.NO_FEASIBLE
    assert found.X.shape == (1, 4)
    assert found.violation[0] == pytest.approx(0.5, abs=0.01)
    assert found.hypervolume == 0
    assert np.isnan(found.reference).all()


def test_trap_nothing_finite_is_an_ending_too():
    found = evolve(replace(zdt(1, 4), objectives=lambda X: X[:, :2] * np.nan), seed=0, population=8, generations=3)
    assert found.ending is Ending.NOTHING_FINITE
    assert found.X.shape == (0, 4)
    assert found.refused == found.evaluations == 24


def test_trap_duplicates_are_never_evaluated_twice_and_found_by_hashing():
    problem, seen = recorded(replace(zdt(1, 3), repair=lambda X: np.round(X, 1)))
    found = evolve(problem, seed=0, population=20, generations=15)
    for X, _ in seen:
        assert len({x.tobytes() for x in X}) == len(X)
    assert found.duplicates > 0
    names = keys(np.array([[0.1, -0.0], [0.1 + 1e-15, 0.0], [0.2, 0.0]]), np.zeros(2), np.ones(2))
    assert list(first_of_each(names, set())) == [True, False, True]
    assert list(first_of_each(names, {names[2]})) == [True, False, False]


def test_trap_progress_is_told_every_generation():
    steps = []
    found = evolve(zdt(1, 4), seed=0, population=8, generations=7, progress=steps.append)
    assert [step.generation for step in steps] == list(range(1, 8))
    assert [step.evaluations for step in steps] == [8 * k for k in range(1, 8)]
    volumes = [step.hypervolume for step in steps]
    assert volumes == sorted(volumes)  # of the archive, which only grows
    assert volumes[-1] == found.hypervolume > 0
    assert all(step.seconds >= 0 for step in steps)


def test_trap_a_history_costs_no_copies_of_the_search():
    """pymoo's save_history copies algorithm and problem at every generation; ours hands out four numbers."""

    class Uncopyable:
        def __deepcopy__(self, _memo):
            pytest.fail("copied")

        def __call__(self, X):
            return zdt(1, 4).objectives(X)

    history = []
    evolve(replace(zdt(1, 4), objectives=Uncopyable()), seed=0, population=8, generations=5, progress=history.append)
    assert len(history) == 5


# ---- what is refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"start": np.zeros((2, 3))}, "start"),
        ({"start": np.full((1, 4), np.nan)}, "start"),
        ({"start": np.full((1, 4), 1.5)}, "start holds a genome outside"),
        ({"exact": np.zeros(4)}, "exact"),
        ({"population": 1}, "population"),
        ({"generations": 0}, "generations"),
        ({"archive_size": 0}, "archive_size"),
        ({"max_evaluations": 3}, "max_evaluations"),
        ({"reference": [1.0]}, "reference"),
        ({"reference": [1.0, np.nan]}, "reference"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, named):
    with pytest.raises(InvalidInput, match=named):
        evolve(zdt(1, 4), **{"seed": 0, "population": 8, **arguments})


def test_an_exact_point_that_breaks_a_limit_is_refused():
    problem = replace(zdt(1, 4), violations=lambda X: X[:, 0] - 0.5)
    with pytest.raises(InvalidInput, match="exact holds a genome"):
        evolve(problem, seed=0, population=8, exact=np.array([[0.9, 0, 0, 0]]))


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"objectives": lambda _X: None}, "objectives returned None"),
        ({"objectives": lambda X: X[:1, :2]}, "objectives returned shape"),
        ({"objectives": lambda X: X}, "objectives returned 4 columns"),
        ({"objectives": lambda X: [["a", "b"]] * len(X)}, "objectives must return numbers"),
        ({"violations": lambda _X: None}, "violations returned None"),
        ({"repair": lambda X: X[:, :2]}, "repair returned shape"),
        ({"repair": lambda X: X + 2}, "repair returned a genome outside"),
        ({"repair": lambda X: X * np.nan}, "repair returned a genome outside"),
    ],
)
def test_functions_of_the_wrong_form_are_refused_by_name(broken, named):
    with pytest.raises(InvalidInput, match=named):
        evolve(replace(zdt(1, 4), **broken), seed=0, population=8)


@pytest.mark.parametrize(
    ("lower", "upper", "m", "named"),
    [
        ([0.0, 2.0], [1.0, 1.0], 2, "lower lies above upper at entry 1"),
        ([0.0], [1.0, 1.0], 2, "lower has 1"),
        ([0.0, -np.inf], [1.0, 1.0], 2, "lower"),
        ([0.0, 0.0], [1.0, np.nan], 2, "upper"),
        ([0.0], [1.0], 0, "objective_count"),
    ],
)
def test_a_problem_of_the_wrong_form_is_refused_by_name(lower, upper, m, named):
    with pytest.raises(InvalidInput, match=named):
        ParetoProblem(np.array(lower), np.array(upper), m, lambda X: X)


def test_what_we_use_of_pymoo_loads_no_plotting_and_importing_us_loads_no_pymoo():
    code = (
        "import sys\nimport portfolio_opt.optim.evolve.nsga2 as n\nprint('pymoo' in sys.modules, 'moocore' in sys.modules)\n"
        "from portfolio_opt.optim.evolve.problem import ParetoProblem\nimport numpy as np\n"
        "n.evolve(ParetoProblem(np.zeros(2), np.ones(2), 2, lambda X: X), seed=0, population=4, generations=2)\n"
        "import portfolio_opt.optim.evolve.pymoo_native\nprint('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


# ---- former bugs ---------------------------------------------------------------------------------------------------


def small_problem(**changes):
    def two(X):
        return np.column_stack([X[:, 0], 1 - X[:, 0] + X[:, 1]])

    return ParetoProblem(
        **{"lower": np.zeros(2), "upper": np.ones(2), "objective_count": 2, "objectives": two, **changes}
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"generations": float("nan")}, "generations"),  # never ended
        ({"generations": float("inf")}, "generations"),
        ({"seed": -1}, "seed"),
        ({"seed": "a"}, "seed"),
        ({"seed": None}, "seed"),
        ({"population": 4.5}, "population"),
        ({"population": float("nan")}, "population"),
        ({"max_evaluations": 0}, "max_evaluations"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"time_limit": -1}, "time_limit"),
        ({"start": [["a", "b"]]}, "start"),
        ({"reference": ["a", "b"]}, "reference"),
    ],
)
def test_options_that_mean_nothing_were_taken(options, names):
    with pytest.raises(InvalidInput, match=f"^{names} "):
        evolve(small_problem(), **{"seed": 1, "population": 8, "generations": 2, **options})


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"lower": "ab"}, "lower"),
        ({"objective_count": 2.5}, "objective_count"),
        ({"objective_count": "2"}, "objective_count"),
        ({"repair": lambda _: None}, "what repair returned"),
        ({"objectives": lambda X: X * 1j}, "objectives"),
    ],
)
def test_a_problem_that_means_nothing_was_a_traceback(change, names):
    with pytest.raises(InvalidInput, match=f"^{names} "):
        evolve(small_problem(**change), seed=1, population=8, generations=2)


def test_a_large_seed_is_not_rounded():
    one, other = (evolve(small_problem(), seed=2**60 + k, population=8, generations=2) for k in (0, 1))
    assert not np.array_equal(one.X, other.X)


TAMPERED = {
    "generation": lambda d, _: d.update(generation="x"),
    "evaluations": lambda d, _: d.update(evaluations=[1]),
    "state": lambda d, _: d["random"]["state"].update(state="x"),
    "settings": lambda d, _: d.update(settings=[]),
    "width": lambda _, z: z.update(population_x=z["population_x"][:, :1]),
    "length": lambda _, z: z.update(population_x=z["population_x"][:3]),
    "nan": lambda _, z: z.update(population_x=z["population_x"] * np.nan),
    "box": lambda _, z: z.update(archive_x=z["archive_x"] + 10),
    "missing": lambda _, z: z.pop("crowding"),
    "kind": lambda _, z: z.update(exact=z["exact"].astype(float)),
    "text": lambda _, z: z.update(crowding=z["crowding"].astype(str)),
    "empty": lambda _, z: z.update(
        {name: z[name][:0] for name in ("population_x", "population_f", "population_violation", "crowding")}
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_checkpoint_that_was_tampered_with_is_refused(how, tmp_path):
    folder = tmp_path / "state"
    evolve(small_problem(), seed=1, population=8, generations=3, checkpoint=folder)
    document = json.loads((folder / "state.json").read_text())
    arrays = dict(np.load(folder / "arrays.npz"))
    TAMPERED[how](document, arrays)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (folder / "arrays.npz").write_bytes(buffer.getvalue())
    document["arrays_sha256"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "state.json").write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match="checkpoint state cannot be read"):
        evolve(small_problem(), seed=1, population=8, generations=6, checkpoint=folder)


def test_a_checkpoint_whose_arrays_are_no_archive_is_refused(tmp_path):
    folder = tmp_path / "state"
    evolve(small_problem(), seed=1, population=8, generations=3, checkpoint=folder)
    document = json.loads((folder / "state.json").read_text())
    for packed in (b"", b"PK\x03\x04 nothing"):
        (folder / "arrays.npz").write_bytes(packed)
        document["arrays_sha256"] = hashlib.sha256(packed).hexdigest()
        (folder / "state.json").write_text(json.dumps(document))
        with pytest.raises(InvalidInput, match="cannot be read"):
            evolve(small_problem(), seed=1, population=8, generations=6, checkpoint=folder)
