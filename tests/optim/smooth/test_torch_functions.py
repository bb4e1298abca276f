"""The bridge from torch: derivatives of modules, and L-BFGS on networks with honest counts."""

import numpy as np
import pytest
import torch
from known_functions import rosenbrock
from torch import nn

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.smooth.function import check_derivatives
from portfolio_opt.optim.smooth.functions_torch import flat_parameters, of_module, of_tensor
from portfolio_opt.optim.smooth.lbfgs_torch import train_lbfgs
from portfolio_opt.optim.smooth.minimise import METHODS, minimise
from portfolio_opt.optim.solution import Status


def test_derivatives_of_a_tensor_function_equal_the_hand_made_ones():
    def value(x):
        return (100 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2).sum()

    known, function, x = rosenbrock(6), of_tensor(value), np.random.default_rng(0).normal(size=6)
    assert function.value_and_gradient(x)[0] == pytest.approx(known.function.value_and_gradient(x)[0], rel=1e-13)
    assert function.value_and_gradient(x)[1] == pytest.approx(known.function.value_and_gradient(x)[1], rel=1e-12)
    assert function.dense_hessian(x) == pytest.approx(known.function.hessian(x), rel=1e-12)
    assert function.curvature_along(x, x) == pytest.approx(known.function.hessian(x) @ x, rel=1e-12)
    for method in METHODS:
        assert minimise(function, known.start, method).x == pytest.approx(np.ones(6), abs=1e-5)


@pytest.fixture
def data():
    torch.manual_seed(0)
    inputs = torch.randn(80, 4, dtype=torch.float64)
    return inputs, torch.tanh(inputs @ torch.randn(4, 1, dtype=torch.float64)) + 0.1 * torch.randn(80, 1)


@pytest.mark.parametrize(
    "make",
    [lambda: nn.Linear(4, 1), lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.LayerNorm(5), nn.Linear(5, 1))],
    ids=["linear", "network"],
)
def test_derivatives_of_a_module_pass_the_check(make, data):
    inputs, targets = data
    made = of_module(make(), lambda net: nn.functional.mse_loss(net(inputs), targets))
    check_derivatives(made.function, made.start, np.random.default_rng(0))


def test_a_recurrent_module_has_hessian_vector_products_too():
    torch.manual_seed(0)
    inputs = torch.randn(3, 5, 2, dtype=torch.float64)
    made = of_module(nn.GRU(2, 3, batch_first=True), lambda net: net(inputs)[0].square().mean())
    check_derivatives(made.function, made.start, np.random.default_rng(0))


def test_newton_cg_fits_the_last_layer_to_the_least_squares_answer(data):
    inputs, targets = data
    net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
    for p in net[0].parameters():
        p.requires_grad_(False)
    made = of_module(net, lambda net: nn.functional.mse_loss(net(inputs), targets))
    assert made.start.size == 7
    solution = minimise(made.function, made.start, "newton-cg", tolerance=1e-10)
    made.load(solution.x)
    features = net[:2].double()(inputs).detach().numpy()
    best = np.linalg.lstsq(np.column_stack([features, np.ones(80)]), targets.numpy().ravel(), rcond=None)[0]
    assert solution.x == pytest.approx(best, abs=1e-4)
    assert flat_parameters(net) == pytest.approx(solution.x, rel=1e-6)  # in float32


def test_handbook_trap_every_closure_call_of_torchs_lbfgs_is_an_evaluation(data):
    inputs, targets = (part.float() for part in data)
    torch.manual_seed(1)
    net, calls = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)), []

    def loss():
        calls.append(1)
        return nn.functional.mse_loss(net(inputs), targets)

    before = float(loss().detach())
    calls.clear()
    solution = train_lbfgs(net, loss, max_iterations=30)
    assert solution.evaluations == len(calls) > solution.iterations
    assert solution.objective == pytest.approx(float(loss().detach()), rel=1e-6)  # the module holds what was returned
    assert solution.objective < before / 2
    assert flat_parameters(net) == pytest.approx(solution.x, abs=0)


def test_torchs_lbfgs_reaches_what_scipys_reaches(data):
    inputs, targets = data
    net = nn.Linear(4, 1).double()
    made = of_module(net, lambda net: nn.functional.mse_loss(net(inputs), targets))
    reference = minimise(made.function, made.start)
    solution = train_lbfgs(net, lambda: nn.functional.mse_loss(net(inputs), targets), tolerance=1e-8)
    assert solution.status is Status.STATIONARY
    assert solution.x == pytest.approx(reference.x, abs=1e-6)


@pytest.mark.parametrize(
    ("limit", "status"), [("max_iterations", "ITERATION_LIMIT"), ("max_evaluations", "EVALUATION_LIMIT")]
)
def test_limits_of_the_torch_method_are_kept(data, limit, status):
    inputs, targets = data
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    solution = train_lbfgs(net, lambda: nn.functional.mse_loss(net(inputs), targets), tolerance=1e-12, **{limit: 5})
    assert solution.status is Status[status]
    assert {"max_iterations": solution.iterations, "max_evaluations": solution.evaluations}[limit] == 5


def test_after_nan_the_module_holds_the_best_finite_parameters(data):
    inputs, targets = data
    net, calls = nn.Linear(4, 1).double(), []

    def loss():
        calls.append(1)
        value = nn.functional.mse_loss(net(inputs), targets)
        return value * float("nan") if len(calls) > 4 else value

    solution = train_lbfgs(net, loss)
    assert solution.status is Status.NOT_FINITE
    assert np.isfinite(flat_parameters(net)).all()
    assert flat_parameters(net) == pytest.approx(solution.x, abs=0)


def test_a_module_without_parameters_or_of_another_size_is_refused(data):
    with pytest.raises(InvalidInput, match="no parameter"):
        of_module(nn.Tanh(), lambda net: net(data[0]).sum())
    with pytest.raises(InvalidInput, match="no parameter"):
        train_lbfgs(nn.Tanh(), lambda: data[0].sum())
    with pytest.raises(InvalidInput, match="has 5 parameters"):
        of_module(nn.Linear(4, 1), lambda net: net(data[0]).sum()).load(np.zeros(4))
