"""Training inside a set: the rule steps, then the parameters are put back (`optimizer.step()`, then project)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count

import torch
from torch import Tensor

from ...errors import InvalidInput
from ..convex.projected_gradient import Iterate, Method, Objective, evaluate
from ..convex.projection import Projection
from .rules import Rule, lbfgs, set_rate
from .schedules import Schedule


@torch.no_grad()
def project_(parameters: Iterable[Tensor], project: Callable[[Tensor], Tensor]) -> None:
    """Replace each parameter, a vector or a matrix row by row, by its projection, in place and unseen by autograd.

    project: of `convex.projections_torch`, or `by_numpy` of it for any other projection
    """
    for parameter in parameters:
        parameter.copy_(project(parameter))


def by_rule(rule: Rule, schedule: Schedule) -> Method:
    """A method for `projected_gradient`: the training rule's step at the schedule's rate, then the projection.

    sgd, momentum and nesterov come to rest at the minimum. Rules that give each coordinate its own step (adagrad, rmsprop,
    adam, adamw) in general do not: the nearest point undoes their step somewhere else, and the gap says how far off that is.
    Raises InvalidInput for lbfgs, whose memory of curvature a projection makes wrong: `spectral` is its like inside a set.
    """
    if rule is lbfgs:
        raise InvalidInput(
            "rule is lbfgs, which cannot be projected: take projected_gradient's method spectral instead"
        )

    def projected_rule(objective: Objective, project: Projection, point: Iterate) -> Iterator[Iterate]:
        x = torch.from_numpy(point.x.copy())
        optimizer = rule([x], schedule(0))
        for step in count():
            set_rate(optimizer, schedule(step))
            x.grad = torch.from_numpy(point.slope.copy())
            optimizer.step()
            x.copy_(torch.from_numpy(project(x.numpy())))
            point = evaluate(objective, x.numpy().copy())
            yield point

    projected_rule.__name__ = f"rule {rule.__name__}"
    return projected_rule
