"""The training rules: each takes the parameters and a rate, and returns a torch optimizer that steps as its formula says.

g is the gradient, plus `weight_decay` times the parameter (AdamW: the parameter shrinks on its own instead). Where torch's
class of the same name steps otherwise, the docstring says how. A rate is changed by `set_rate`, never by hand: the momentum
rules' `lr` is not their rate.
"""

from collections.abc import Callable, Iterable

import torch
from torch.optim import LBFGS, SGD, Adagrad, Adam, AdamW, Optimizer

from ...errors import InvalidInput

Parameters = Iterable[torch.Tensor]
Rule = Callable[[Parameters, float], Optimizer]


def sgd(parameters: Parameters, rate: float, *, weight_decay: float = 0.0) -> Optimizer:
    """p -= rate * g"""
    return SGD(parameters, lr=_rate(rate), weight_decay=weight_decay)


def momentum(parameters: Parameters, rate: float, *, beta: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    """v = beta * v + (1 - beta) * g; p -= rate * v

    torch's momentum leaves out the (1 - beta): at the same lr it steps 1 / (1 - beta) times as far.
    """
    lr = _rate(rate) * (1 - _share("beta", beta))
    return _scaled(SGD(parameters, lr=lr, momentum=beta, weight_decay=weight_decay), 1 - beta)


def nesterov(parameters: Parameters, rate: float, *, beta: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    """v = beta * v + (1 - beta) * g, with g at the look-ahead point p - rate * beta * v; p -= rate * v

    The parameters that the optimizer moves are the look-ahead points: where the gradient is needed. p itself lies ahead of
    nothing and is where they come to rest.
    """
    lr = _rate(rate) * (1 - _share("beta", beta))
    optimizer = SGD(parameters, lr=lr, momentum=beta, nesterov=beta > 0, weight_decay=weight_decay)
    return _scaled(optimizer, 1 - beta)


def adagrad(parameters: Parameters, rate: float, *, eps: float = 1e-8, weight_decay: float = 0.0) -> Optimizer:
    """G += g²; p -= rate * g / sqrt(G + eps)

    torch's default adds eps outside the root, and so steps up to sqrt(1 / eps) times as far at tiny gradients.
    """
    return Adagrad(parameters, lr=_rate(rate), eps=0.0, initial_accumulator_value=eps, weight_decay=weight_decay)


class RMSProp(Optimizer):
    """s = beta * s + (1 - beta) * g², from s = 0; p -= rate * g / sqrt(s + eps)

    torch's RMSprop adds eps outside the root.
    """

    def __init__(
        self, parameters: Parameters, rate: float, *, beta: float = 0.9, eps: float = 1e-8, weight_decay: float = 0.0
    ) -> None:
        super().__init__(
            parameters, {"lr": _rate(rate), "beta": _share("beta", beta), "eps": eps, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:  # type: ignore[override]
        """Move every parameter that has a gradient; returns what the closure, called first, returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            if not moved:
                continue
            for p in moved:
                if not self.state[p]:
                    self.state[p]["square"] = torch.zeros_like(p)
            slopes = [p.grad for p in moved]
            if group["weight_decay"]:
                slopes = list(torch._foreach_add(slopes, moved, alpha=group["weight_decay"]))
            squares = [self.state[p]["square"] for p in moved]
            torch._foreach_mul_(squares, group["beta"])
            torch._foreach_addcmul_(squares, slopes, slopes, 1 - group["beta"])
            roots = torch._foreach_add(squares, group["eps"])
            torch._foreach_sqrt_(roots)
            torch._foreach_addcdiv_(moved, slopes, roots, -group["lr"])
        return loss


def adam(
    parameters: Parameters,
    rate: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """torch's Adam: eps outside the root, both moments freed from their start at 0; fused into one loop where torch can."""
    listed = list(parameters)
    return Adam(listed, lr=_rate(rate), betas=betas, eps=eps, weight_decay=weight_decay, fused=can_be_fused(listed))


def adamw(
    parameters: Parameters,
    rate: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimizer:
    """Adam whose weight decay shrinks the parameters by rate * weight_decay, instead of adding to the gradient."""
    listed = list(parameters)
    return AdamW(listed, lr=_rate(rate), betas=betas, eps=eps, weight_decay=weight_decay, fused=can_be_fused(listed))


def lbfgs(parameters: Parameters, rate: float = 1.0, *, memory: int = 10, inner: int = 20) -> Optimizer:
    """torch's L-BFGS with a strong Wolfe search. Its step needs a closure, and asks it up to 5/4 `inner` times.

    memory: pairs of moves and slope changes kept; inner: moves in one call of step
    """
    return LBFGS(parameters, lr=_rate(rate), history_size=memory, max_iter=inner, line_search_fn="strong_wolfe")


RULES: dict[str, Rule] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": RMSProp,
    "adam": adam,
    "adamw": adamw,
    "lbfgs": lbfgs,
}


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """From the next step on, the optimizer of any rule above steps with this rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_per_rate", 1.0)


def can_be_fused(parameters: list[torch.Tensor]) -> bool:
    """Whether torch has the one-loop form of Adam for these: real floating point numbers on a CPU or a CUDA card."""
    tensors = [p for p in parameters if isinstance(p, torch.Tensor)]
    return len(tensors) == len(parameters) and all(
        p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in tensors
    )


def _scaled(optimizer: Optimizer, lr_per_rate: float) -> Optimizer:
    for group in optimizer.param_groups:
        group["lr_per_rate"] = lr_per_rate  # in the group, so that it is saved and loaded with the rest
    return optimizer


def _rate(rate: float) -> float:
    if not 0 <= rate < float("inf"):
        raise InvalidInput(f"rate is {rate!r}, but it must be a finite number, 0 or more")
    return rate


def _share(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise InvalidInput(f"{name} is {value!r}, but it must lie from 0 to below 1")
    return value
