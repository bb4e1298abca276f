"""The projections on torch tensors: (n,) or (B, n), on any device, differentiable almost everywhere.

Each finds its shift by sorting, outside autograd, and then takes one Newton step inside it: that step is 0 but for
rounding, and its derivative is the projection's. Same sets, same names as `projections.py`; for a set that is not here,
`by_numpy`. What states a set is checked as there; points are computed in float64 and returned as they came, so that in
float32 too, however far from the set, the answer lies in it but for the last digit.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput
from . import projections
from .projection import Array, Projection, positive

OnTensors = Callable[[Tensor], Tensor]


def _in_float64(project: OnTensors, size: int | None) -> OnTensors:
    """The projection for finite points of any floating type, (..., size)."""

    def on_tensors(v: Tensor) -> Tensor:
        if not isinstance(v, Tensor) or not v.is_floating_point():
            found = v.dtype if isinstance(v, Tensor) else type(v).__name__
            raise InvalidInput(f"v is {found}, but it must be a tensor of floats: convert it")
        if not v.ndim or not v.shape[-1] or size not in (None, v.shape[-1]):
            wanted = "n" if size is None else size
            raise InvalidInput(f"v has shape {tuple(v.shape)}, but its last axis must be {wanted} long")
        if not bool(torch.isfinite(v).all()):
            raise InvalidInput("v holds a value that is not finite")
        return project(v.double()).to(v.dtype)

    return on_tensors


def _array(value: Tensor) -> Array:
    """What numpy's factories check."""
    return np.asarray(value.detach().cpu().double().numpy() if isinstance(value, Tensor) else value)


def by_numpy(project: Projection) -> OnTensors:
    """Any projection, for parameters under no_grad: computed by numpy on the CPU in float64, returned as it came."""

    def on_tensors(v: Tensor) -> Tensor:
        if torch.is_grad_enabled() and v.requires_grad:
            raise RuntimeError("by_numpy has no derivative: project parameters under torch.no_grad()")
        return torch.from_numpy(project(v.detach().cpu().double().numpy())).to(v)

    return on_tensors


def box(lower: Tensor, upper: Tensor) -> OnTensors:
    """Projection onto {w : lower <= w <= upper}, each (n,), infinite for no limit."""
    size = projections.box(_array(lower), _array(upper)).size
    return _in_float64(lambda v: torch.clamp(v, lower.to(v), upper.to(v)), size)


def simplex(total: float = 1.0) -> OnTensors:
    """Projection onto {w : w >= 0, sum(w) = total}."""
    budget = positive("total", total)

    def project(v: Tensor) -> Tensor:
        with torch.no_grad():
            shift = v.amax(-1, keepdim=True)
            shift += _level((v - shift), torch.ones_like(v), budget)
        x = v - shift
        excess = torch.clamp(x, min=0).sum(-1, keepdim=True) - budget
        return torch.clamp(x - excess / (x > 0).sum(-1, keepdim=True).clamp(min=1), min=0)

    return _in_float64(project, None)


def capped_simplex(lower: Tensor, upper: Tensor, total: float = 1.0) -> OnTensors:
    """Projection onto {w : lower <= w <= upper, sum(w) = total}; lower, upper: (n,) finite.

    Raises NoSolution where the bounds do not leave room for `total`.
    """
    size = projections.capped_simplex(_array(lower), _array(upper), total).size

    def project(v: Tensor) -> Tensor:
        low, high = lower.to(v), upper.to(v)
        with torch.no_grad():
            knots = torch.cat([v - low, v - high], -1)  # a name leaves its lower bound, then reaches its upper one
            knots, order = knots.sort(-1, descending=True)
            moving = torch.where(order < v.shape[-1], 1.0, -1.0).to(v).cumsum(-1)
            held = low.sum() + (moving[..., :-1] * -knots.diff(dim=-1)).cumsum(-1)  # the sum at each knot but the first
            last = (held < total).sum(-1, keepdim=True)  # the answer lies between this knot and the next
            before = torch.cat([low.sum().expand(*held.shape[:-1], 1), held], -1).gather(-1, last)
            shift = knots.gather(-1, last) - (total - before) / moving.gather(-1, last).clamp(min=1)
        x = v - shift
        excess = torch.clamp(x, low, high).sum(-1, keepdim=True) - total
        between = ((x > low) & (x < high)).sum(-1, keepdim=True)
        return torch.clamp(x - excess / between.clamp(min=1), low, high)

    return _in_float64(project, size)


def turnover(held: Tensor, limit: float, weights: Tensor | None = None) -> OnTensors:
    """Projection onto {w : sum(weights * |w - held|) <= limit}; held: (n,); weights: (n,) positive, 1 each if absent."""
    costs = None if weights is None else _array(weights)
    return _ball(held, positive("limit", limit), weights, projections.turnover(_array(held), limit, costs).size)


def _ball(held: Tensor, radius: float, weights: Tensor | None, size: int | None) -> OnTensors:
    """As turnover(), checked."""

    def project(v: Tensor) -> Tensor:
        centre = held.to(v)
        cost = torch.ones_like(centre) if weights is None else weights.to(v)
        away = v - centre
        with torch.no_grad():
            knots = away.abs() / cost
            shift = knots.amax(-1, keepdim=True)
            shift += _level(knots - shift, (cost**2).expand_as(v), radius)
        x = away.abs() - shift * cost
        active = x > 0
        excess = (torch.clamp(x, min=0) * cost).sum(-1, keepdim=True) - radius
        square = (active * cost**2).sum(-1, keepdim=True)
        near = torch.clamp(x - cost * excess / torch.where(square > 0, square, 1.0), min=0)
        outside = (away.abs() * cost).sum(-1, keepdim=True) > radius
        return torch.where(outside, centre + torch.copysign(near, away), v)

    return _in_float64(project, size)


def l1_ball(radius: float) -> OnTensors:
    """Projection onto {w : sum(|w|) <= radius}, of any size."""
    return _ball(torch.zeros(1), positive("radius", radius), None, None)


def halfspace(normal: Tensor, limit: float) -> OnTensors:
    """Projection onto {w : normal'w <= limit}; normal: (n,) not 0."""

    size = projections.halfspace(_array(normal), limit).size

    def project(v: Tensor) -> Tensor:
        largest = normal.to(v).abs().amax()
        a, bound = normal.to(v) / largest, limit / largest  # its square neither overflows nor vanishes
        excess = torch.clamp((v * a).sum(-1, keepdim=True) - bound, min=0)
        w = v - excess / (a @ a) * a
        left = torch.where(excess > 0, (w * a).sum(-1, keepdim=True) - bound, 0.0)  # the first one's rounding error
        return w - left / (a @ a) * a

    return _in_float64(project, size)


def group_caps(group: Tensor, cap: Tensor) -> OnTensors:
    """Projection onto {w : the sum over each group <= its cap}; group: (n,) numbers from 0; cap: (groups,)."""

    size = projections.group_caps(_array(group), _array(cap)).size

    def project(v: Tensor) -> Tensor:
        member = torch.nn.functional.one_hot(group.long(), cap.numel()).to(v)
        share = (member / member.sum(0).clamp(min=1)).T
        excess = torch.clamp(v @ member - cap.to(v), min=0)
        w = v - excess @ share
        left = torch.where(excess > 0, w @ member - cap.to(v), 0.0)  # the first one's rounding error
        return w - left @ share

    return _in_float64(project, size)


def _level(knots: Tensor, squares: Tensor, total: float) -> Tensor:
    """(..., 1) the level at which sum(squares * max(knots - level, 0)) is `total`; the largest knot is 0."""
    ordered, order = knots.sort(-1, descending=True)
    weight = squares.gather(-1, order)
    level = ((weight * ordered).cumsum(-1) - total) / weight.cumsum(
        -1
    )  # if this many names, the first ones, are above it
    names = (ordered > level).sum(-1, keepdim=True).clamp(min=1)
    return level.gather(-1, names - 1)
