"""L-BFGS on a network in its own precision and on its own device: torch's, with counted calls and our own verdict."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InvalidInput
from ..solution import Solution, Status
from .function import SmoothFunction, Vector
from .functions_torch import flat_parameters, load_parameters
from .minimise import run, verdict
from .trace import Limits, Stopped, Trace


def train_lbfgs(
    module: nn.Module,
    loss: Callable[[], Tensor],
    *,
    tolerance: float = 1e-5,
    max_iterations: int = 200,
    max_evaluations: int = 2000,
) -> Solution:
    """Train the module in place to the lowest loss found; the solution's `evaluations` are the loss's calls, every one.

    loss: the loss over the whole data set at the module's present parameters; the same at every call, so no dropout and no
        mini-batches. One pass over the data per call: L-BFGS makes one to a few calls an iteration.
    tolerance: of the residual; float32 gradients carry about 1e-6 of noise. x: (n,) float64, as the module then holds it.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    if not trained:
        raise InvalidInput("module has no parameter that requires a gradient")

    def value_and_gradient(x: Vector) -> tuple[float, Vector]:
        load_parameters(module, x)
        for p in trained:
            p.grad = None
        with torch.enable_grad():
            total = loss()
            total.backward()  # type: ignore[no-untyped-call]
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        flat = torch.cat([slope.detach().reshape(-1) for slope in slopes])
        return float(total.detach()), flat.to(device="cpu", dtype=torch.float64).numpy()

    start = flat_parameters(module)
    free = np.full(start.size, np.inf)
    trace = Trace(
        SmoothFunction(value_and_gradient), start, -free, free, Limits(tolerance, max_iterations, max_evaluations)
    )
    load_parameters(module, start)
    try:
        solution = verdict(trace, run(trace, lambda trace: _run_torch(trace, module, trained)), "l-bfgs")
    finally:
        load_parameters(module, trace.best.x)
        for p in trained:
            p.grad = None
    return solution


def _run_torch(trace: Trace, module: nn.Module, trained: list[nn.Parameter]) -> None:
    """One call of torch's `step`, which loops by itself; its closure hears what our trace measured."""
    rule = torch.optim.LBFGS(
        trained,
        max_iter=trace.limits.iterations,
        max_eval=10**9,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )
    sizes = [p.numel() for p in trained]

    def closure() -> Tensor:
        trace.iterations = int(rule.state[trained[0]].get("n_iter", 0))
        point = trace.at(flat_parameters(module))
        height = trace.plateau(point.x) if point.value == np.inf else point.value
        if trace.solved(point):
            raise Stopped(None)
        slopes = torch.split(torch.from_numpy(point.gradient), sizes)
        for p, slope in zip(trained, slopes, strict=True):
            p.grad = slope.reshape(p.shape).to(device=p.device, dtype=p.dtype)
        return torch.tensor(height, dtype=trained[0].dtype, device=trained[0].device)

    if not trace.solved(trace.best):
        rule.step(closure)  # type: ignore[no-untyped-call]
        trace.iterations = int(rule.state[trained[0]]["n_iter"])
        if trace.iterations >= trace.limits.iterations:
            raise Stopped(Status.ITERATION_LIMIT)
