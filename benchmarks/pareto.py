"""Mean-variance fronts, whole and with few names: `python benchmarks/pareto.py [--quick] [CASE…]`, one JSON line a case.

front-box-N       the whole exact front of N names in [0, 1] by the critical line, against a QP by PIQP at each corner's appetite
names-10-N        exactly 10 of N names, each at least 1%: hypervolume after one second, relative to the best known, which is the
                  union of longer runs with other seeds and of the peer: pymoo's NSGA-II, two seconds, with a repair that keeps
                  the 10 largest. In (variance, -mean), up to a reference 1% of the range beyond the ends of our front
names-brute-force the same front against the exact fronts of all supports of 16 names
nsga2-225-P       our NSGA-II against pymoo's, both on whole arrays, with the same population P and generations
front-150         whole-share plans of 150 NEPSE names from holdings of NPR 2,000,000, at most 20 names: return, CVaR and cost,
                  in 20 seconds on two cores, beside the points of cases/epsilon_points.json: the share that some plan equals or
                  beats in all three. Skipped where the shared data is missing

Made like published index sets: 290 weekly returns of a market with factors; N is 31, 85, 89, 98 or 225.

For a problem of your own (arrays `mean` (n,) and `covariance` (n, n) in FILE, `weights` (P, n) in OUT):

    python benchmarks/pareto.py --problem FILE.npz --names 10 --floor 0.01 --seconds 1 --out front.npz

All on one core; compilation is warmed up outside the seconds.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import median
from zipfile import BadZipFile

from timing import seconds  # first: one BLAS thread

# ruff: isort: split
import numpy as np

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex.critical_line import Front, critical_line, fully_invested
from portfolio_opt.optim.evolve.domination import hypervolume
from portfolio_opt.optim.evolve.nsga2 import evolve
from portfolio_opt.optim.evolve.problem import ParetoProblem
from portfolio_opt.optim.evolve.supports import NamesFront, names_front

SIZES = (31, 85, 89, 98, 225)
WEEKS, FACTORS = 290, 12
NAMES, FLOOR, SECONDS, PEER_SECONDS = 10, 0.01, 1.0, 2.0
BEYOND = 0.01  # of the range: how far the reference lies beyond the worst of the front


def market(names: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Weekly sample mean and covariance; dense, of full rank."""
    rng = np.random.default_rng([names, seed])
    loadings = rng.normal(size=(names, FACTORS)) * 0.005
    loadings[:, 0] = 0.02 * rng.uniform(0.4, 1.6, names)
    own = rng.uniform(0.015, 0.05, names)
    returns = 0.002 + rng.normal(size=(WEEKS, FACTORS)) @ loadings.T + rng.normal(size=(WEEKS, names)) * own
    return returns.mean(0), np.cov(returns.T)


def say(case: str, ours_s: float, peer: str, peer_s: float, accuracy: str, **more: object) -> None:
    """One line, as timing.compare prints them, with what else a case measures."""
    line = {"case": case, "ours_s": float(f"{ours_s:.4g}"), "peer": peer, "peer_s": float(f"{peer_s:.4g}")}
    print(json.dumps({**line, "ratio": float(f"{peer_s / ours_s:.3g}"), "accuracy": accuracy, **more}), flush=True)


def front_box(names: int, quick: bool) -> None:
    mean, covariance = market(names)
    front = critical_line(fully_invested(mean, covariance))
    piqp_s, worst = at_every_corner(front)
    runs = [seconds(lambda: critical_line(fully_invested(mean, covariance))) for _ in range(9 if quick else 51)]
    said = f"{len(front.mean)} corners; first-order conditions within {first_order(front):.1e}, objectives at most {worst:.1e} "
    say(
        f"front-box-{names}",
        median(runs),
        "a QP by PIQP at each corner",
        piqp_s,
        said + "of their size above the peer's",
    )


def first_order(front: Front) -> float:
    """The largest gain by a trade between two names at any corner, or breach of a limit, relative to the size of the slopes."""
    program, worst = front.program, 0.0
    for t, w in zip(front.appetite, front.weights, strict=True):
        slope = program.covariance @ w - t * program.mean
        size = np.abs(program.covariance).max() + t * np.abs(program.mean).max()
        pays = slope[w > 0].max() - slope[w < 1].min()
        worst = max(worst, pays / size, abs(w.sum() - 1), -w.min(), w.max() - 1)
    return worst


def at_every_corner(front: Front) -> tuple[float, float]:
    """Seconds of one QP at each corner, and how far our objective lies above the peer's, at most, relative to its terms."""
    import piqp

    program, n = front.program, len(front.program.mean)
    unit = float(np.diagonal(program.covariance).mean())

    def sweep() -> np.ndarray:
        points = []
        for t in front.appetite:
            solver = piqp.DenseSolver()
            solver.settings.eps_abs, solver.settings.eps_rel = 1e-10, 1e-10
            budget, box = (np.ones((1, n)), np.ones(1)), (np.zeros(n), np.ones(n))
            solver.setup(program.covariance / unit, -t / unit * program.mean, *budget, None, None, None, *box)
            solver.solve()
            points.append(solver.result.x.copy())
        return np.array(points)

    found: list[np.ndarray] = []
    took = seconds(lambda: found.append(sweep()))
    risks = [((w @ program.covariance) * w).sum(1) / 2 for w in (front.weights, found[0])]
    gains = [front.appetite * (w @ program.mean) for w in (front.weights, found[0])]
    above = (risks[0] - gains[0]) - (risks[1] - gains[1])
    return took, float((above / (risks[0] + np.abs(gains[0]))).max())


def top_names(X: np.ndarray) -> np.ndarray:
    """The NAMES largest entries of each row, as weights of at least FLOOR that sum to 1."""
    chosen = np.argpartition(-X, NAMES - 1, axis=1)[:, :NAMES]
    rows = np.arange(len(X))[:, None]
    kept = X[rows, chosen] + 1e-12
    W = np.zeros_like(X)
    W[rows, chosen] = FLOOR + (1 - NAMES * FLOOR) * kept / kept.sum(1, keepdims=True)
    return W


def portfolio_problem(
    mean: np.ndarray, covariance: np.ndarray, repair: Callable[[np.ndarray], np.ndarray]
) -> ParetoProblem:
    """Variance and negative mean of weights, the whole population at once."""
    n = len(mean)
    return ParetoProblem(
        lower=np.zeros(n),
        upper=np.ones(n),
        objective_count=2,
        objectives=lambda X: np.column_stack([((X @ covariance) * X).sum(1), -X @ mean]),
        repair=repair,
    )


def plain_nsga2(problem: ParetoProblem, population: int, termination: tuple[str, object]) -> np.ndarray:
    """F of pymoo's NSGA-II as it comes, evaluated on whole arrays, with our repair."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    from portfolio_opt.optim.evolve.pymoo_native import NativeProblem, NativeRepair

    algorithm = NSGA2(pop_size=population, repair=NativeRepair(problem))
    return np.atleast_2d(minimize(NativeProblem(problem), algorithm, termination, seed=1).F)


def objectives(front: NamesFront) -> np.ndarray:
    return np.column_stack([front.variance, -front.mean])


def few_names(names: int, quick: bool) -> None:
    mean, covariance = market(names)
    problem = portfolio_problem(mean, covariance, top_names)
    warm_up()
    plain_nsga2(problem, 20, ("n_gen", 3))
    found: list[NamesFront] = []
    ours_s = seconds(lambda: found.append(names_front(mean, covariance, NAMES, FLOOR, seconds=SECONDS)))
    theirs: list[np.ndarray] = []
    peer_s = seconds(lambda: theirs.append(plain_nsga2(problem, 100, ("time", PEER_SECONDS))))
    searched = 4.0 if quick else 30.0
    runs = [
        names_front(mean, covariance, NAMES, FLOOR, seconds=searched / 2, seed=seed, points=4000) for seed in (101, 102)
    ]
    known = np.concatenate([objectives(found[0]), theirs[0], *map(objectives, runs)])
    ours = objectives(found[0])
    reference = ours.max(0) + BEYOND * np.ptp(ours, axis=0)
    best = hypervolume(known, reference)
    share = {who: hypervolume(F, reference) / best for who, F in (("ours", ours), ("peer", theirs[0]))}
    line = critical_line(fully_invested(mean, covariance))
    appetites = np.geomspace(line.appetite[0], line.appetite[0] * 1e-6, 20_000)
    w = np.array([line.at_risk_aversion(1 / t) for t in appetites])
    unlimited = hypervolume(np.column_stack([((w @ covariance) * w).sum(1), -w @ mean]), reference)
    behind = share["ours"] - share["peer"]
    off = np.abs(found[0].weights.sum(1) - 1).max()
    say(
        f"names-10-{names}",
        ours_s,
        "pymoo NSGA-II with a repair to 10 names",
        peer_s,
        f"hypervolume {share['ours']:.6f} of the best known, the peer's {share['peer']:.4f}, {behind:.4f} behind; "
        f"{len(ours)} points, sums within {off:.0e}",
        hypervolume=round(share["ours"], 6),
        peer_behind=round(behind, 4),
        of_unlimited_front=round(hypervolume(ours, reference) / unlimited, 6),
        reference=[float(f"{x:.6g}") for x in reference],
        best_known_s=searched,
        rounds=found[0].rounds,
        small_qps=found[0].solved,
    )


def brute_force(quick: bool) -> None:
    """At 40 appetites the best of the supports on our front against the best of all supports, each by its exact front."""
    n = 12 if quick else 16
    mean, covariance = market(n)
    warm_up()
    appetites = np.append(0.0, np.geomspace(1e-3, 1e2, 39)) * np.diagonal(covariance).mean() / np.ptp(mean)
    for names in (2, 3, 4, 5):
        found: list[NamesFront] = []
        ours_s = seconds(lambda k=names, to=found: to.append(names_front(mean, covariance, k, 0.03, rounds=30)))
        ours_held = {tuple(np.flatnonzero(w)) for w in found[0].weights}
        best = {True: np.full(40, np.inf), False: np.full(40, np.inf)}

        def every_support(k: int = names, held_by_us: set = ours_held, best: dict = best) -> None:
            for held in combinations(range(n), k):
                own = covariance[np.ix_(held, held)]
                front = critical_line(fully_invested(mean[list(held)], own, 0.03, 1.0))
                w = np.array([front.at_risk_aversion(1 / t if t > 0 else np.inf) for t in appetites])
                values = ((w @ own) * w).sum(1) / 2 - appetites * (w @ mean[list(held)])
                for ours in {held in held_by_us, False}:
                    best[ours] = np.minimum(best[ours], values)

        peer_s = seconds(every_support)
        apart = np.abs(best[True] - best[False]).max() / np.diagonal(covariance).mean()
        say(
            f"names-brute-force-{n}-{names}",
            ours_s,
            "the exact front of every support",
            peer_s,
            f"objectives at 40 appetites at most {apart:.1e} of the mean variance above the best of all supports",
        )


def nsga2_speed(population: int, quick: bool) -> None:
    generations = {100: 50 if quick else 200, 2000: 5 if quick else 20}[population]
    mean, covariance = market(225)

    def invested(X: np.ndarray) -> np.ndarray:
        X = X + 1e-12
        return X / X.sum(1, keepdims=True)

    problem = portfolio_problem(mean, covariance, invested)
    found: dict[str, np.ndarray] = {}

    def ours() -> None:
        found["ours"] = evolve(problem, seed=1, population=population, generations=generations).F

    def peer() -> None:
        found["peer"] = plain_nsga2(problem, population, ("n_gen", generations))

    evolve(problem, seed=1, population=20, generations=3)
    plain_nsga2(problem, 20, ("n_gen", 3))
    pairs = [(seconds(ours), seconds(peer)) for _ in range(1 if quick else 3)]
    reference = np.maximum(found["ours"].max(0), found["peer"].max(0)) + 1e-9
    ratio = hypervolume(found["ours"], reference) / hypervolume(found["peer"], reference)
    said = f"{generations} generations each; our hypervolume is {ratio:.3f} of the peer's"
    ours_s, peer_s = (median(side) for side in zip(*pairs, strict=True))
    say(f"nsga2-225-{population}", ours_s, "pymoo NSGA-II on whole arrays", peer_s, said)


def warm_up() -> None:
    """Compile, or load what was compiled."""
    mean, covariance = market(12)
    names_front(mean, covariance, 3, 0.01, rounds=2, points=10)


def real_front(quick: bool) -> None:
    from cases import epsilon_points

    from portfolio_opt.allocate.fronts.aims import aims_of
    from portfolio_opt.allocate.fronts.pareto import front_of

    if not (epsilon_points.REAL.exists() and epsilon_points.FILE.exists()):
        say(
            "front-150",
            np.inf,
            "HiGHS, mixed-integer",
            np.inf,
            "skipped: the shared prices or the points are not there",
        )
        return
    known = json.loads(epsilon_points.FILE.read_text())
    points = np.array([each for each in [*known["ends"], *known["points"].values()] if each is not None])
    problem, aims = epsilon_points.real_case(), aims_of(epsilon_points.AIMS)
    front_of(problem, aims, points=10, rounds=1)  # compiles
    limit = 5.0 if quick else 20.0
    found = []
    took = seconds(lambda: found.append(front_of(problem, aims, points=1000, rounds=1000, time_limit=limit)))
    front = found[0]
    larger = np.array([not aim.smallest for aim in aims])
    ours, theirs = (np.where(larger, each, -each) for each in (front.figures, points))
    short = np.clip(theirs[:, None] - ours[None], 0, None).max(2).min(1)  # in the aim where it is worst
    shares = {f"within_{bp:g}_bp": float((short <= bp / 1e4 + 1e-9).mean()) for bp in (0, 1, 5, 20)}
    say(
        "front-150",
        took,
        "HiGHS, mixed-integer, 30 s a point",
        float(epsilon_points.SECONDS * len(points)),
        f"{len(front)} plans; of {len(points)} points of at most 200, {shares['within_0_bp']:.1%} are equalled or beaten in all "
        f"three aims, {shares['within_5_bp']:.1%} within 5 bp, {shares['within_20_bp']:.1%} within 20 bp",
        **shares,
        median_bp=float(f"{np.median(short) * 1e4:.3g}"),
    )


CASES: dict[str, Callable[[bool], None]] = {
    **{f"front-box-{n}": partial(front_box, n) for n in SIZES},
    **{f"names-10-{n}": partial(few_names, n) for n in SIZES},
    "names-brute-force": brute_force,
    "nsga2-225-100": partial(nsga2_speed, 100),
    "nsga2-225-2000": partial(nsga2_speed, 2000),
    "front-150": real_front,
}


def given_problem(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the file. Raises InvalidInput."""
    try:
        arrays = np.load(path, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise InvalidInput(f"{path} holds one array, but an .npz file with mean and covariance is needed")
        with arrays:
            missing = [name for name in ("mean", "covariance") if name not in arrays.files]
            if missing:
                raise InvalidInput(f"{path} holds no array named {' and none named '.join(missing)}")
            return arrays["mean"], arrays["covariance"]
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError, BadZipFile, zlib.error, NotImplementedError):
        raise InvalidInput(
            f"{path} is no .npz file of numbers: write it with numpy.savez(FILE, mean=…, covariance=…)"
        ) from None


def solve_given(arguments: argparse.Namespace) -> None:
    """Solve the problem of the file, write the weights, and say in one line what was found."""
    mean, covariance = given_problem(arguments.problem)
    warm_up()
    found: list[NamesFront] = []
    limits = {"names": arguments.names, "floor": arguments.floor, "cap": arguments.cap}
    took = seconds(
        lambda: found.append(
            names_front(
                mean, covariance, **limits, seconds=arguments.seconds, seed=arguments.seed, points=arguments.points
            )
        )
    )
    front = found[0]
    try:
        with arguments.out.open("wb") as file:
            np.savez(file, weights=front.weights)
    except OSError as error:
        raise InvalidInput(f"{arguments.out} cannot be written: {error.strerror}") from None
    line = {
        "problem": arguments.problem.name,
        "n": len(mean),
        "names": arguments.names,
        "seconds": round(took, 3),
        "points": len(front.mean),
        "mean": [front.mean[0], front.mean[-1]],
        "variance": [front.variance[0], front.variance[-1]],
        "rounds": front.rounds,
        "small_qps": front.solved,
        "out": str(arguments.out),
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mean-variance fronts, whole and with few names.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="beginning of a case's name; without one all run")
    parser.add_argument("--quick", action="store_true", help="about a minute")
    parser.add_argument("--problem", type=Path, help=".npz with mean (n,) and covariance (n, n)")
    parser.add_argument("--names", type=int, default=NAMES, help="names held, exactly")
    parser.add_argument("--floor", type=float, default=FLOOR, help="least weight of a name held")
    parser.add_argument("--cap", type=float, default=1.0, help="largest weight of a name")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--points", type=int, default=5000, help="most points written")
    parser.add_argument("--out", type=Path, default=Path("front.npz"))
    arguments = parser.parse_args()
    if arguments.problem is not None:
        try:
            solve_given(arguments)
        except InvalidInput as error:
            print(str(error), file=sys.stderr)
            sys.exit(2)
        return
    for name, run in CASES.items():
        if not arguments.cases or name.startswith(tuple(arguments.cases)):
            run(arguments.quick)


if __name__ == "__main__":
    main()
