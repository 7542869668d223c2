from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from leadline.training.checkpoint import Progress
from leadline.training.config import OptimiserConfig
from leadline.training.schedule import finished, learning_share

BY_STEPS = OptimiserConfig(steps=100, warmup_steps=10, final_share=0.1)


def shares(config: OptimiserConfig) -> list[float]:
    return [learning_share(Progress(step), config) for step in range(101)]


def test_the_learning_rate_rises_and_falls_by_steps_or_by_the_clock() -> None:
    found = shares(BY_STEPS)
    assert found[0] == pytest.approx(0.1, rel=0.01)
    assert np.argmax(found) == 9
    assert found[100] == pytest.approx(0.1)
    by_clock = replace(BY_STEPS, minutes=1.0, warmup_steps=1)
    assert learning_share(Progress(7, seconds=30), by_clock) == pytest.approx(0.55)


def test_poly_falls_by_its_power_to_the_final_share() -> None:
    found = shares(replace(BY_STEPS, schedule="poly", poly_power=2.0))
    assert found[50] == pytest.approx(0.1 + 0.9 * 0.25)
    assert found[100] == pytest.approx(0.1)
    straight = shares(replace(BY_STEPS, schedule="poly", poly_power=1.0, final_share=0.0))
    assert np.allclose(np.diff(straight[10:]), -0.01)


def test_step_multiplies_at_each_share_of_the_run_from_that_step_on() -> None:
    found = shares(replace(BY_STEPS, schedule="step", step_at=(0.5, 0.8), step_factor=0.2))
    assert [found[step] for step in (10, 49, 50, 79, 80, 100)] == pytest.approx([1, 1, 0.2, 0.2, 0.04, 0.04])


def test_constant_stays_after_the_warm_up() -> None:
    found = shares(replace(BY_STEPS, schedule="constant"))
    assert found[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert set(found[10:]) == {1.0}


@pytest.mark.parametrize("schedule", ["cosine", "poly", "step", "constant"])
def test_no_schedule_rises_after_the_warm_up_or_overshoots_past_the_end(schedule: str) -> None:
    config = replace(BY_STEPS, schedule=schedule)  # type: ignore[arg-type]
    found = shares(config)
    assert all(b <= a for a, b in pairwise(found[9:]))
    assert learning_share(Progress(step=250), config) == found[100]


def test_a_run_is_over_by_its_steps_by_its_minutes_or_where_it_is_told_to_stop() -> None:
    assert not finished(Progress(99), BY_STEPS)
    assert finished(Progress(100), BY_STEPS)
    assert finished(Progress(3), BY_STEPS, stop_after=3)
    by_clock = replace(BY_STEPS, minutes=1.0)
    assert not finished(Progress(1000, seconds=59), by_clock)
    assert finished(Progress(1, seconds=60), by_clock)
