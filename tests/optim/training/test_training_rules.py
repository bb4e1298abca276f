"""Each rule steps as its formula says, digit for digit; and the handbook's snippets, which step otherwise."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.convex import projections, projections_torch
from portfolio_opt.optim.training.projected import project_
from portfolio_opt.optim.training.rules import RULES, can_be_fused, set_rate

RATE, BETA, EPS, DECAY = 0.05, 0.9, 1e-8, 0.1
STEPS = 25
CURVATURE = np.array([0.01, 1.0, 3.0])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Three numbers are not worth a second thread's start."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def slope(p):
    """Of a function that is no quadratic, and small in its first coordinate."""
    return CURVATURE * p + np.sin(p) / 10


def trained(rule, rates=(RATE,) * STEPS, start=(1.0, -2.0, 0.5), **options):
    """Where the rule is after each step."""
    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = rule([p], rates[0], **options)
    path = []
    for rate in rates:
        set_rate(optimizer, rate)
        p.grad = torch.from_numpy(slope(p.detach().numpy()))
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)


def by_formula(step, memories, rates=(RATE,) * STEPS, start=(1.0, -2.0, 0.5), decay=0.0):
    p, state, path = np.array(start), [np.zeros(3) for _ in range(memories)], []
    for t, rate in enumerate(rates, 1):
        g = slope(p) + decay * p
        p, state = step(p, g, state, rate, t)
        path.append(p)
    return np.array(path)


def sgd_step(p, g, state, rate, _):
    return p - rate * g, state


def momentum_step(p, g, state, rate, _):
    v = BETA * state[0] + (1 - BETA) * g
    return p - rate * v, [v]


def adagrad_step(p, g, state, rate, _):
    total = state[0] + g**2
    return p - rate * g / np.sqrt(total + EPS), [total]


def rmsprop_step(p, g, state, rate, _):
    square = BETA * state[0] + (1 - BETA) * g**2
    return p - rate * g / np.sqrt(square + EPS), [square]


def adam_step(p, g, state, rate, t):
    m, s = 0.9 * state[0] + 0.1 * g, 0.999 * state[1] + 0.001 * g**2
    return p - rate * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + EPS), [m, s]


FORMULAS = {
    "sgd": (sgd_step, 0),
    "momentum": (momentum_step, 1),
    "adagrad": (adagrad_step, 1),
    "rmsprop": (rmsprop_step, 1),
    "adam": (adam_step, 2),
}


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize(
    "rates", [(RATE,) * STEPS, tuple(RATE / (1 + t) for t in range(STEPS))], ids=["steady", "falling"]
)
@pytest.mark.parametrize("name", FORMULAS)
def test_a_rule_steps_as_its_formula_says(name, rates, decay):
    step, memories = FORMULAS[name]
    path = trained(RULES[name], rates, weight_decay=decay)
    assert np.abs(path - by_formula(step, memories, rates, decay=decay)).max() <= 1e-14


def test_nesterov_looks_ahead_by_the_rate_times_its_velocity():
    p, v, path = np.array([1.0, -2.0, 0.5]), np.zeros(3), []
    for _ in range(STEPS):
        v = BETA * v + (1 - BETA) * slope(p - RATE * BETA * v)
        p = p - RATE * v
        path.append(p - RATE * BETA * v)  # the next look-ahead point is what torch holds
    assert np.abs(trained(RULES["nesterov"]) - path).max() <= 1e-15


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_torch_s_own(name):
    own = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    ours, plain = trained(RULES[name]), trained(lambda p, rate: own(p, lr=rate, fused=False))
    assert np.abs(ours - plain).max() <= 1e-15
    assert (ours == trained(lambda p, rate: own(p, lr=rate, fused=True))).all()


def test_adamw_shrinks_the_parameters_apart_from_the_gradient():
    start = np.array([1.0, -2.0, 0.5])
    plain, shrunk = (trained(RULES[name], (RATE,), weight_decay=w)[0] for name, w in (("adam", 0.0), ("adamw", DECAY)))
    assert shrunk == pytest.approx(plain - RATE * DECAY * start, abs=1e-15)


def test_adam_is_fused_where_torch_can():
    assert can_be_fused([torch.zeros(2)])
    assert not can_be_fused([torch.zeros(2, device="meta")])
    assert not can_be_fused([torch.zeros(2, dtype=torch.int64)])


def test_lbfgs_reaches_the_bottom_of_a_bowl_by_its_closure():
    p = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = RULES["lbfgs"]([p], 1.0)

    def closure():
        optimizer.zero_grad()
        loss = (torch.from_numpy(CURVATURE) * p**2).sum() / 2
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert p.abs().max() <= 1e-4


def test_rmsprop_takes_a_closure_skips_what_has_no_gradient_and_is_saved_and_loaded():
    def loss_of(p):
        return lambda: (p**2).sum()

    p, idle = torch.ones(2, dtype=torch.float64, requires_grad=True), torch.ones(1, requires_grad=True)
    first = RULES["rmsprop"]([p, idle], RATE)
    p.grad = 2 * p.detach()
    assert first.step(loss_of(p)) == 2.0
    assert idle.item() == 1.0
    twin = p.detach().clone().requires_grad_()
    second = RULES["rmsprop"]([twin, idle], 1.0)
    second.load_state_dict(deepcopy(first.state_dict()))
    for q, optimizer in ((p, first), (twin, second)):
        q.grad = 2 * q.detach()
        optimizer.step()
    assert (p == twin).all()


def test_the_momentum_rules_keep_their_rate_when_saved_and_loaded():
    p = torch.ones(2, requires_grad=True)
    saved = RULES["momentum"]([p], 0.5).state_dict()
    loaded = RULES["momentum"]([p], 0.1)
    loaded.load_state_dict(saved)
    set_rate(loaded, 0.2)
    assert loaded.param_groups[0]["lr"] == pytest.approx(0.02)


@pytest.mark.parametrize("name", RULES)
def test_malformed_options_are_refused_by_name(name):
    p = [torch.ones(2, requires_grad=True)]
    for rate in (-0.1, np.nan, np.inf):
        with pytest.raises(InvalidInput, match=r"^rate is"):
            RULES[name](p, rate)
    if name in ("momentum", "nesterov", "rmsprop"):
        with pytest.raises(InvalidInput, match=r"^beta is"):
            RULES[name](p, 0.1, beta=1.0)


# ---- the handbook's snippets ---------------------------------------------------------------------------------------


def test_the_handbook_s_momentum_snippet_steps_ten_times_as_far():
    snippet = trained(lambda p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9))
    start = np.array([1.0, -2.0, 0.5])
    assert (snippet[0] - start) == pytest.approx(10 * (trained(RULES["momentum"])[0] - start))
    damped = trained(lambda p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9, dampening=0.9))
    assert (damped[0] - start) == pytest.approx(snippet[0] - start)  # dampening does not mend its first step


def test_the_handbook_s_nesterov_as_printed_diverges_where_the_curvature_is_100():
    printed, ours = [], []
    p, v = 1.0, 0.0
    for _ in range(200):
        v = 0.9 * v + 0.1 * 100 * (p - 0.9 * v)  # the look-ahead lacks the rate
        p -= 0.01 * v
        printed.append(p)
    assert abs(printed[-1]) > 1e50
    q = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = RULES["nesterov"]([q], 0.01)
    for _ in range(200):
        q.grad = 100 * q.detach()
        optimizer.step()
        ours.append(abs(q.item()))
    assert ours[-1] < 1e-3


def test_torch_s_default_eps_makes_adagrad_s_first_steps_far_longer_at_tiny_gradients():
    def first_step(rule):
        p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer = rule([p], 0.1)
        p.grad = torch.full((1,), 1e-6, dtype=torch.float64)
        optimizer.step()
        return abs(p.item())

    ours, snippet = first_step(RULES["adagrad"]), first_step(lambda p, rate: torch.optim.Adagrad(p, lr=rate))
    assert ours == pytest.approx(0.1 * 1e-6 / np.sqrt(1e-12 + 1e-8))
    assert snippet / ours == pytest.approx(99, rel=0.02)


def test_torch_s_rmsprop_has_its_eps_outside_the_root():
    torch_s = trained(lambda p, rate: torch.optim.RMSprop(p, lr=rate, alpha=BETA, eps=EPS), start=(1e-6, 0.0, 0.0))
    ours = trained(RULES["rmsprop"], start=(1e-6, 0.0, 0.0))
    assert abs(torch_s[0, 0] - 1e-6) > 2 * abs(ours[0, 0] - 1e-6)


# ---- training inside a set -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adam"])
def test_a_layer_trained_inside_the_simplex_stays_there_and_learns(name):
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 2, bias=False, dtype=torch.float64)
    inputs = torch.randn(64, 4, dtype=torch.float64)
    mixes = torch.tensor([[0.7, 0.3, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)
    optimizer, project = RULES[name](layer.parameters(), 0.1), projections_torch.simplex()
    for _ in range(200):
        optimizer.zero_grad()
        ((layer(inputs) - inputs @ mixes.T) ** 2).mean().backward()
        optimizer.step()
        project_([layer.weight], project)
    assert layer.weight.requires_grad
    assert projections.simplex().violation(layer.weight.detach().numpy()).max() <= 1e-14
    assert (layer.weight - mixes).abs().max() <= 1e-2


def test_the_handbook_s_loop_fails_on_its_own_projection():
    """np.maximum of a parameter that requires a gradient is refused by torch; ours is unseen by autograd."""
    layer = torch.nn.Linear(3, 1)
    with pytest.raises(RuntimeError, match="requires grad"):
        np.maximum(layer.weight, 0)
    project_([layer.weight], projections_torch.by_numpy(projections.simplex()))
    assert layer.weight.sum().item() == pytest.approx(1.0)
