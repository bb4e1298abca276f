"""Schedules are torch's, number for number, but for the three places where torch's or the handbook's go wrong."""

import math
import subprocess
import sys

import pytest
import torch

from portfolio_opt.errors import InvalidInput
from portfolio_opt.optim.training.rules import RULES, set_rate
from portfolio_opt.optim.training.schedules import SCHEDULES, constant, cosine, exponential, step_decay, warmed_up


def by_torch(scheduler, steps, **options):
    """The rates torch's scheduler steps with, from 0.1 on."""
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
    schedule = scheduler(optimizer, **options)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


SAME = {
    "step": (step_decay(0.1, every=10), torch.optim.lr_scheduler.StepLR, {"step_size": 10, "gamma": 0.1}, 50),
    "exponential": (
        exponential(0.1, decay=0.03),
        torch.optim.lr_scheduler.ExponentialLR,
        {"gamma": math.exp(-0.03)},
        100,
    ),
    "cosine": (
        cosine(0.1, steps=40, lowest=0.01),
        torch.optim.lr_scheduler.CosineAnnealingLR,
        {"T_max": 40, "eta_min": 0.01},
        41,
    ),
    "constant": (constant(0.1), torch.optim.lr_scheduler.ConstantLR, {"factor": 1.0}, 10),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_torch_s(name):
    schedule, scheduler, options, steps = SAME[name]
    assert [schedule(step) for step in range(steps)] == pytest.approx(by_torch(scheduler, steps, **options), rel=1e-12)


def test_torch_s_cosine_climbs_back_and_ours_stays_down():
    theirs = by_torch(torch.optim.lr_scheduler.CosineAnnealingLR, 21, T_max=10)
    ours = [cosine(0.1, steps=10)(step) for step in range(21)]
    assert theirs[20] == pytest.approx(0.1)
    assert ours[:11] == pytest.approx(theirs[:11], abs=1e-15)
    assert max(ours[10:]) == 0.0


def test_the_handbook_s_warmup_wastes_its_first_epoch_and_ours_trains():
    handbook = [epoch / 5 if epoch < 5 else 1.0 for epoch in range(7)]
    ours = [warmed_up(constant(1.0), steps=5)(epoch) for epoch in range(7)]
    assert handbook[0] == 0.0
    assert ours == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0])


def test_after_the_warmup_the_schedule_starts_from_its_beginning():
    after = cosine(0.1, steps=40)
    both = warmed_up(after, steps=8)
    assert [both(step) for step in range(8)] == pytest.approx([0.1 * (step + 1) / 8 for step in range(8)])
    assert [both(step) for step in range(8, 60)] == [after(step) for step in range(52)]


def test_an_optimizer_steps_with_the_schedule_s_rate():
    p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer, schedule = RULES["sgd"]([p], 1.0), warmed_up(exponential(0.1, 0.5), steps=2)
    for step in range(6):
        before = p.item()
        set_rate(optimizer, schedule(step))
        p.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
        assert before - p.item() == pytest.approx(schedule(step))


def test_schedules_need_no_torch():
    code = "import sys, portfolio_opt.optim.training.schedules; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: constant(0.0), "rate"),
        (lambda: step_decay(0.1, every=0), "every"),
        (lambda: step_decay(0.1, every=2, factor=-1.0), "factor"),
        (lambda: exponential(0.1, decay=math.nan), "decay"),
        (lambda: cosine(0.1, steps=0), "steps"),
        (lambda: cosine(0.1, steps=5, lowest=0.2), "lowest"),
        (lambda: warmed_up(constant(0.1), steps=0), "steps"),
    ],
)
def test_malformed_input_is_refused_by_name(make, name):
    with pytest.raises(InvalidInput, match=f"^{name} is"):
        make()
