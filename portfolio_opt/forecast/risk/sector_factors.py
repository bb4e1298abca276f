"""A covariance of few factors: the market, one per sector, and what is specific to each name.

Each name's return is beta × market + its sector's own return + a specific part. Betas are shrunk to 1 and specific
variances to the median by how well each is measured (Vasicek 1973), so that a short history leans on its peers.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

SPAN = 5  # sessions summed into one return: thin names follow the market with a lag that single sessions miss
SMALLEST_SECTOR = 4  # fewer names cannot show a sector's own return
CROSS_SECTOR_SHRINKAGE = 0.5  # of the correlations between sectors' own returns, towards 0
PEER_WEIGHT = 20  # spans of data that the peers' specific variance counts as


def sector_factors(
    returns: Matrix, sector: Sequence[str], market_names: NDArray[np.bool_] | None = None
) -> tuple[Matrix, Vector]:
    """Loadings (N, k) and specific variances (N,) per session, from log returns (T, N) with NaN where there are none.

    market_names: (N,) who makes up the market, the sectors and the peers, by default all; no other name changes any but its own
    """
    spans = _spans(returns)
    peers = np.ones(len(sector), dtype=bool) if market_names is None else market_names
    seen = ~np.isnan(spans)
    count = seen.sum(0) / SPAN  # spans overlap; this many are independent
    spans = np.where(seen, spans - _mean(spans, seen, 0), 0.0)
    market = _mean(spans[:, peers], seen[:, peers], 1)[:, 0]
    market_variance = market @ market / len(market)
    beta, residual = _shrunk_betas(spans, seen, market, count, peers)
    groups = _groups(sector, peers)
    inside = [g[peers[g]] for g in groups]
    own = (
        np.column_stack([_mean(residual[:, g], seen[:, g], 1)[:, 0] for g in inside])
        if groups
        else np.zeros((len(market), 0))
    )
    factors = np.zeros((len(sector), 1 + len(groups)))
    factors[:, 0] = beta
    for k, g in enumerate(groups):
        factors[g, 1 + k] = 1.0
        residual[:, g] -= own[:, [k]]
    covariance = np.zeros((1 + len(groups),) * 2)
    covariance[0, 0] = market_variance
    between = own.T @ own / len(market)
    covariance[1:, 1:] = (1 - CROSS_SECTOR_SHRINKAGE) * between + CROSS_SECTOR_SHRINKAGE * np.diag(np.diag(between))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return factors @ root / np.sqrt(SPAN), _shrunk_variances(residual, seen, count, peers) / SPAN


def _spans(returns: Matrix) -> Matrix:
    """Overlapping sums over SPAN sessions; NaN where any of them is."""
    return np.lib.stride_tricks.sliding_window_view(returns, SPAN, axis=0).sum(-1)


def _mean(values: Matrix, seen: NDArray[np.bool_], axis: int) -> Matrix:
    total = np.where(seen, values, 0.0).sum(axis, keepdims=True)
    return np.asarray(total / np.maximum(seen.sum(axis, keepdims=True), 1))


def _shrunk_betas(
    spans: Matrix, seen: NDArray[np.bool_], market: Vector, count: Vector, peers: NDArray[np.bool_]
) -> tuple[Vector, Matrix]:
    power = (market[:, None] ** 2 * seen).sum(0)
    raw = np.divide(market @ spans, power, out=np.ones(len(count)), where=power > 0)
    residual = np.where(seen, spans - market[:, None] * raw, 0.0)
    variance = _shrunk_variances(residual, seen, count, peers)
    noise = np.divide(variance * SPAN, power, out=np.full(len(count), 1.0), where=power > 0)  # spans overlap
    known = (count > 2) & peers
    spread = max(np.var(raw[known]) - np.median(noise[known]), 0.01) if known.any() else 0.01
    beta = 1 + spread / (spread + noise) * (raw - 1)
    return beta, np.where(seen, spans - market[:, None] * beta, 0.0)


def _shrunk_variances(residual: Matrix, seen: NDArray[np.bool_], count: Vector, peers: NDArray[np.bool_]) -> Vector:
    raw = (residual**2).sum(0) / np.maximum(seen.sum(0), 1)
    measured = (count > 2) & peers
    usual = np.median(raw[measured]) if measured.any() else max(float(raw[peers].max(initial=0.0)), 1e-4)
    usual = max(float(usual), 1e-8)
    return np.asarray((count * raw + PEER_WEIGHT * usual) / (count + PEER_WEIGHT))


def _groups(sector: Sequence[str], peers: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The members of every sector that has enough peers."""
    names = np.array(sector)
    found = [np.flatnonzero(names == name) for name in sorted(set(sector)) if name]
    return [members for members in found if peers[members].sum() >= SMALLEST_SECTOR]
