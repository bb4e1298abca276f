"""Who lives on: first by feasibility, then by front, in the last front by room."""

import numpy as np

from .domination import Indices, crowding, fronts
from .problem import Evaluated, Vector


def survivors(points: Evaluated, count: int, rng: np.random.Generator) -> tuple[Indices, Vector]:
    """Rows of the `count` best, and their crowding. Deb, Pratap, Agarwal and Meyarivan 2002.

    Feasible rows come front by front; infeasible ones fill up by how little they violate, refused ones last.
    """
    feasible = np.flatnonzero(points.violation == 0)
    rows: list[Indices] = []
    room: list[Vector] = []
    left = count
    for front in fronts(points.F[feasible], left) if len(feasible) else []:
        distances = crowding(points.F[feasible][front])
        order = np.arange(len(front))
        if len(front) > left:
            shuffled = rng.permutation(len(front))  # ties are drawn
            order = shuffled[np.argsort(-distances[shuffled], kind="stable")][:left]
        rows.append(feasible[front[order]])
        room.append(distances[order])
        left -= len(order)
    infeasible = np.flatnonzero(points.violation > 0)
    rest = infeasible[np.argsort(points.violation[infeasible], kind="stable")][:left]
    return np.concatenate([*rows, rest]), np.concatenate([*room, np.zeros(len(rest))])
