"""A batch of separable programmes on torch tensors: the same Newton on the dual, all programmes at once, on a CPU or a GPU."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import newton_dual
from .batch import OWN, BatchSolution, SeparableBatch, finished
from .kernels import AFAR, FLAT, REACH, REACH_KEPT, SHORT

STEPS = 60
TRIALS = 30  # of the line search
DAMPING = 1e-6  # of the curvature that a row has with all names free: added, so that every system has a solution
MEMORY = 2**28  # numbers held at a time by the largest temporary


@dataclass(frozen=True)
class _Stack:
    """Tensors of the programmes at hand, each over its risk aversion; C: (n, p) loadings and row entries of each name."""

    C: Tensor
    k: int
    m: Tensor
    inverse: Tensor
    kinks: Tensor
    slopes: Tensor
    lower: Tensor
    upper: Tensor
    row_lower: Tensor
    row_upper: Tensor

    def respond(self, z: Tensor) -> Tensor:
        """(B, n) responses to z, as in kernels."""
        candidates = (z[..., None] - self.slopes) * self.inverse[:, None]
        inner = torch.minimum(candidates[..., :-1], self.kinks)
        w = torch.cat([inner, candidates[..., -1:]], -1).amax(-1)
        return torch.minimum(torch.maximum(w, self.lower), self.upper)

    def sides(self, prices: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """(limit that each row's price pays for, rows that have one)."""
        up = (self.row_lower == self.row_upper) | (prices > 0) | ((prices == 0) & (value > self.row_upper))
        down = ~up & ((prices < 0) | (value < self.row_lower))
        return torch.where(up, self.row_upper, torch.where(down, self.row_lower, value)), up | down


def solve(
    batch: SeparableBatch,
    device: str = "cpu",
    tolerance: float = newton_dual.TOLERANCE,
    max_iterations: int = newton_dual.STEPS,
) -> BatchSolution:
    """As batch.solve(), on the device; certified by the same code, and what has not converged goes to newton_dual.solve()."""
    count, n, q = len(batch), len(batch.diagonal), len(batch.rows)
    w, v, steps = np.zeros((count, n)), np.zeros((count, q)), np.zeros(count, np.int64)
    if n and batch.diagonal.min() > 0:
        width = batch.loadings.shape[1] + q
        pieces = batch.slopes.shape[2]
        at_a_time = max(MEMORY // (n * (pieces + 4) + 4 * width * width), 1)
        for first in range(0, count, at_a_time):
            these = slice(first, min(first + at_a_time, count))
            w[these], v[these], steps[these] = _newton(batch, these, device, tolerance, min(max_iterations, STEPS))
    return finished(batch, w, v, steps, tolerance, max_iterations)


def _newton(
    batch: SeparableBatch, these: slice, device: str, tolerance: float, limit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, row prices and steps of some of the programmes."""
    stack, origin, scale = _stack_of(batch, these, device)
    count, q, k = len(scale), stack.row_lower.shape[1], stack.k
    C, p = stack.C, stack.C.shape[1]
    pairs = (C[:, :, None] * C[:, None, :]).reshape(len(C), p * p)
    prices = torch.zeros((count, p), dtype=C.dtype, device=C.device)
    prices[:, :k] = torch.minimum(torch.maximum(origin, stack.lower), stack.upper) @ C[:, :k]
    z = stack.m - prices @ C.T
    reach = AFAR * (z - z.mean(1, keepdim=True)).abs().mean(1, keepdim=True).expand_as(z)
    row_curvature = (C[:, k:] ** 2 * stack.inverse[:, None]).sum(0).clamp_min(torch.finfo(C.dtype).tiny)
    steps = torch.zeros(count, dtype=torch.int64, device=C.device)
    running = torch.ones(count, dtype=torch.bool, device=C.device)
    w = stack.respond(z)
    for _ in range(limit):
        sums = w @ C
        side, active = stack.sides(prices[:, k:], sums[:, k:])
        gradient = torch.cat([prices[:, :k] - sums[:, :k], side - sums[:, k:]], 1)
        size = (w * stack.m).abs().sum(1) + (sums[:, :k] ** 2).sum(1)
        gap = (gradient[:, :k] ** 2).sum(1) / 2 + (prices[:, k:] * gradient[:, k:]).abs().sum(1)
        off = (gradient[:, k:].abs() / (side.abs() + w.abs() @ C[:, k:].abs() + 1e-300)).amax(1) if q else gap * 0
        running = ~((off <= 1e-13) & (gap <= 1e-6 * tolerance * size))
        if not running.any():
            break
        steps += running
        weight = _average_weights(stack, z, w, reach)
        H = (weight @ pairs).reshape(count, p, p)
        H[:, range(k), range(k)] += 1.0
        step = _direction(stack, H, gradient, prices, active, row_curvature)
        dz = -step @ C.T
        t, furthest = _line_search(stack, z, dz, prices, step, side, (gradient * step).sum(1))
        t = torch.where(running, t, torch.zeros_like(t))
        prices = prices + t[:, None] * step
        landed = (t >= furthest)[:, None] & (prices[:, k:].abs() <= 1e-14 * (t[:, None] * step[:, k:]).abs())
        prices[:, k:] = torch.where(landed, torch.zeros_like(side), prices[:, k:])
        z = stack.m - prices @ C.T
        moved = REACH * (t[:, None] * dz).abs()
        reach = torch.where((t < SHORT)[:, None], torch.maximum(moved, REACH_KEPT * reach), moved)
        w = stack.respond(z)
    v = prices[:, k:] * scale[:, None]
    return w.cpu().numpy(), v.cpu().numpy(), steps.cpu().numpy()


def _stack_of(batch: SeparableBatch, these: slice, device: str) -> tuple[_Stack, Tensor, Tensor]:
    """(programmes, origins, risk aversions) on the device; a kink without a change of slope becomes its right neighbour."""

    def put(array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.array(array, dtype=np.float64), device=device)

    scale = put(batch.risk_aversion[these])
    own = {name: getattr(batch, name) for name in OWN}
    own = {name: array[these] if len(array) > 1 else np.repeat(array, len(scale), 0) for name, array in own.items()}
    kinks = np.where(np.diff(own["slopes"]) > 0, own["kinks"], np.inf)
    kinks = np.minimum.accumulate(kinks[..., ::-1], axis=-1)[..., ::-1]
    stack = _Stack(
        C=put(np.hstack([batch.loadings, batch.rows.T])),
        k=batch.loadings.shape[1],
        m=put(own["linear"]) / scale[:, None],
        inverse=1 / put(batch.diagonal),
        kinks=put(kinks),
        slopes=put(own["slopes"]) / scale[:, None, None],
        lower=put(own["lower"]),
        upper=put(own["upper"]),
        row_lower=put(own["row_lower"]),
        row_upper=put(own["row_upper"]),
    )
    return stack, put(own["origin"]), scale


def _average_weights(stack: _Stack, z: Tensor, w: Tensor, reach: Tensor) -> Tensor:
    """(B, n) mean slope of the responses over z ± reach, as in kernels."""
    mean = (stack.respond(z + reach) - stack.respond(z - reach)) / (2 * reach)
    free = (w > stack.lower) & (w < stack.upper) & (w[..., None] != stack.kinks).all(-1)
    here = torch.where(free, stack.inverse, torch.zeros_like(z))
    return torch.where(reach > 1e-10 * z.abs(), torch.minimum(mean, stack.inverse.expand_as(z)), here)


def _direction(
    stack: _Stack, H: Tensor, gradient: Tensor, prices: Tensor, active: Tensor, row_curvature: Tensor
) -> Tensor:
    """Newton steps; a row's price that would cross zero is held there and the rest is solved again."""
    k = stack.k
    count, q = active.shape
    equal = stack.row_lower == stack.row_upper
    upward = (prices[:, k:] > 0) | ((prices[:, k:] == 0) & (gradient[:, k:] < 0))
    moving = torch.cat([torch.ones((count, k), dtype=torch.bool, device=H.device), active], 1)
    fixed = torch.zeros_like(gradient)
    floor = torch.cat([torch.zeros(k, dtype=H.dtype, device=H.device), DAMPING * row_curvature])
    eye = torch.eye(k + q, dtype=H.dtype, device=H.device)
    step = fixed
    for _ in range(q + 1):
        both = (moving[:, :, None] & moving[:, None, :]).to(H.dtype)
        right = torch.where(moving, -gradient - (H @ fixed[:, :, None])[..., 0], fixed)
        kept = torch.where(moving, floor, torch.ones_like(gradient))
        step = torch.linalg.solve(H * both + eye * kept[:, :, None], right[:, :, None])[..., 0]
        after = prices[:, k:] + step[:, k:]
        crossing = moving[:, k:] & ~equal & torch.where(upward, after < 0, after > 0)
        if not crossing.any():
            break
        moving[:, k:] &= ~crossing
        fixed[:, k:] = torch.where(crossing, -prices[:, k:], fixed[:, k:])
    uphill = (gradient * step).sum(1) >= 0  # held prices may do that: there the factors and equalities move alone
    if uphill.any():
        alone = torch.cat([torch.ones((count, k), dtype=torch.bool, device=H.device), equal], 1)
        both = (alone[:, :, None] & alone[:, None, :]).to(H.dtype)
        kept = torch.where(alone, floor, torch.ones_like(gradient))
        right = torch.where(alone, -gradient, torch.zeros_like(gradient))
        plain = torch.linalg.solve(H * both + eye * kept[:, :, None], right[:, :, None])[..., 0]
        step = torch.where(uphill[:, None], plain, step)
    return step


def _line_search(
    stack: _Stack, z: Tensor, dz: Tensor, prices: Tensor, step: Tensor, side: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """(steps at which the dual's slope has nearly vanished, the furthest ones allowed), bracketing as in kernels."""
    k = stack.k
    constant = (prices[:, :k] * step[:, :k]).sum(1) + (side * step[:, k:]).sum(1)
    quadratic = (step[:, :k] ** 2).sum(1)
    crosses = (stack.row_lower != stack.row_upper) & (prices[:, k:] * step[:, k:] < 0)
    ratio = torch.where(crosses, -prices[:, k:] / torch.where(crosses, step[:, k:], torch.ones_like(side)), torch.inf)
    furthest = ratio.amin(1) if ratio.shape[1] else torch.full_like(start, torch.inf)

    def slope_at(t: Tensor) -> Tensor:
        return constant + t * quadratic + (stack.respond(z + t[:, None] * dz) * dz).sum(1)

    near = -FLAT * start
    low, slope_low = torch.zeros_like(start), start
    t = furthest.clamp_max(1.0)
    slope = slope_at(t)
    high, slope_high = torch.full_like(start, torch.inf), torch.zeros_like(start)
    for _ in range(TRIALS):
        open_ended = torch.isinf(high)
        done = (slope.abs() <= near) | ((slope < 0) & (t >= furthest)) | (start >= 0)
        if done.all():
            break
        below = slope < 0
        again = ~open_ended & ~done
        slope_high = torch.where(again & below, slope_high / 2, torch.where(~below, slope, slope_high))
        slope_low = torch.where(again & ~below, slope_low / 2, torch.where(below, slope, slope_low))
        low, high = torch.where(below, t, low), torch.where(below, high, t)
        between = low + (high - low) * slope_low / (slope_low - slope_high)
        between = torch.where((between > low) & (between < high), between, (low + high) / 2)
        onward = torch.where(torch.isinf(high), torch.minimum(4 * t, furthest), between)
        t = torch.where(done, t, onward)
        slope = torch.where(done, slope, slope_at(t))
    return t, furthest
