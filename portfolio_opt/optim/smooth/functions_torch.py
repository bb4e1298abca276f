"""A torch loss as a smooth function of numpy arrays: value, gradient and Hessian-vector products by `torch.func`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, grad_and_value, jacrev, vjp

from ...errors import InvalidInput
from .function import Matrix, SmoothFunction, Vector

Loss = Callable[[Callable[..., Any]], Tensor]


def of_tensor(value: Callable[[Tensor], Tensor], modulus: float | None = None) -> SmoothFunction:
    """The smooth function x -> value(x), in float64.

    value: (n,) float64 tensor -> scalar tensor, made of differentiable operations and free of side effects
    """
    slope_and_value, slope = grad_and_value(value), grad(value)
    bend = jacrev(slope)  # not torch.func.hessian: its forward mode compiles rules by a deprecated road and warns

    def value_and_gradient(x: Vector) -> tuple[float, Vector]:
        g, v = slope_and_value(_tensor(x))
        return float(v), g.detach().numpy()

    def dense_hessian(x: Vector) -> Matrix:
        return np.asarray(bend(_tensor(x)).detach().numpy())

    def hessian_vector(x: Vector, v: Vector) -> Vector:
        pull_back: Callable[[Tensor], tuple[Tensor]] = vjp(slope, _tensor(x))[1]
        return np.asarray(pull_back(_tensor(v))[0].detach().numpy())  # H'v, and H is symmetric

    return SmoothFunction(value_and_gradient, dense_hessian, hessian_vector, modulus)


@dataclass(frozen=True)
class ModuleLoss:
    """A module's loss over its trainable parameters, laid end to end in the order of `named_parameters`."""

    module: nn.Module
    function: SmoothFunction
    start: Vector  # (n,) the parameters as they were

    def load(self, x: Vector) -> None:
        """Put x into the module, rounded to the precision of its parameters."""
        load_parameters(self.module, x)


def of_module(module: nn.Module, loss: Loss, modulus: float | None = None) -> ModuleLoss:
    """The loss as a smooth function of the module's trainable parameters, computed in float64 on the CPU.

    loss: given a callable that stands for the module, returns the scalar: `lambda net: mse(net(inputs), targets)`,
        its data float64. The module must be a pure function of parameters and input: no dropout, no running averages.
    """
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not named:
        raise InvalidInput("module has no parameter that requires a gradient")
    fixed = {
        name: _double(tensor)
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
        if name not in named
    }
    shapes, sizes = [p.shape for p in named.values()], [p.numel() for p in named.values()]

    def value(x: Tensor) -> Tensor:
        parts = (part.reshape(shape) for part, shape in zip(torch.split(x, sizes), shapes, strict=True))
        everything = {**fixed, **dict(zip(named, parts, strict=True))}
        return loss(lambda *inputs, **more: functional_call(module, everything, inputs, more))

    return ModuleLoss(module, of_tensor(value, modulus), flat_parameters(module))


def flat_parameters(module: nn.Module) -> Vector:
    """(n,) float64 copy of the trainable parameters, end to end."""
    parts = [_double(p).reshape(-1).numpy() for p in module.parameters() if p.requires_grad]
    return np.concatenate(parts).astype(np.float64)


def load_parameters(module: nn.Module, x: Vector) -> None:
    """Put x, laid out as by `flat_parameters`, into the module."""
    trained = [p for p in module.parameters() if p.requires_grad]
    if x.shape != (sum(p.numel() for p in trained),):
        raise InvalidInput(f"x has shape {x.shape}, but the module has {sum(p.numel() for p in trained)} parameters")
    with torch.no_grad():
        for p, part in zip(trained, torch.split(_tensor(x), [p.numel() for p in trained]), strict=True):
            p.copy_(part.reshape(p.shape))


def _tensor(x: Vector) -> Tensor:
    return torch.from_numpy(np.array(x, dtype=np.float64))


def _double(tensor: Tensor) -> Tensor:
    return tensor.detach().to(device="cpu", dtype=torch.float64 if tensor.is_floating_point() else None)
