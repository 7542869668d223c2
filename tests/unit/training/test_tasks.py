"""What the tasks make of batches of different kinds of truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.data.mixing import Batch
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.losses.ssi import ssi_loss
from leadline.models.depth_network import DepthNetwork
from leadline.training.config import LossConfig
from leadline.training.tasks.metric import MetricTask
from leadline.training.tasks.supervised import SupervisedTask

CPU = torch.device("cpu")


class Red(DepthNetwork):
    """Says what the red channel says, times a parameter."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))
        self.passes = 0

    def forward(self, image: Tensor) -> Tensor:
        self.passes += 1
        return self.factor * (image[:, 0] * 128 + 127)


def batch(sources: tuple[int, ...] = (0, 0, 1, 1), seed: int = 0, pairs_in: int | None = None) -> Batch:
    """Random pictures whose disparity has nothing to do with them; the views of source `pairs_in` have pairs instead."""
    rng = np.random.default_rng(seed)
    n, h, w = len(sources), 24, 32
    image = rng.integers(1, 255, (n, h, w, 3), dtype=np.uint8)
    valid = rng.random((n, h, w)) < 0.8
    pairs = np.zeros((n, 6 if pairs_in is not None else 0, 5), np.float32)
    for i, source in enumerate(sources):
        if source == pairs_in:
            valid[i] = False
            xy = np.floor(rng.uniform(0, (w, h, w, h), (6, 4)))
            xa, ya, xb, yb = xy.astype(int).T
            red = image[i, ..., 0].astype(int)
            pairs[i] = np.column_stack([xy + 0.5, np.sign(red[ya, xa] - red[yb, xb])])
    disparity = rng.random((n, h, w), dtype=np.float32) * valid
    return Batch(image, disparity.astype(np.float32), valid, pairs, np.array(sources), tuple(f"view {i}" for i in range(n)))


def loss_of(task: SupervisedTask | MetricTask, given: Batch, number: int = 0) -> float:
    return float(task.step(given, number).loss.detach())


def test_the_default_objective_is_that_of_midas() -> None:
    given, network = batch(), Red()
    task = SupervisedTask(network, LossConfig(stride=1, anchor_weight=0.0), CPU)
    pred = torch.from_numpy(given.image[..., 0].astype(np.float32))
    expected, _ = ssi_loss(pred, torch.from_numpy(given.disparity), torch.from_numpy(given.valid), 0.5)
    assert loss_of(task, given) == pytest.approx(float(expected.mean()), rel=1e-5)


@pytest.mark.parametrize("objective", ["ssi_mse", "ssi_mae", "ssi_trim", "silog", "nmg", "ssi_mae+gradient", "ranking"])
def test_every_objective_costs_less_where_the_prediction_is_right(objective: str) -> None:
    wrong = batch()
    right = wrong._replace(disparity=(wrong.image[..., 0] / 100).astype(np.float32) * wrong.valid)
    task = SupervisedTask(Red(), LossConfig(objective=objective, stride=1, anchor_weight=0.0), CPU)
    assert loss_of(task, right) < 0.7 * loss_of(task, wrong)


def test_the_gradient_term_counts_only_where_it_is_named() -> None:
    given = batch()
    plain, heavy = (
        loss_of(SupervisedTask(Red(), LossConfig(objective="ssi_mae", gradient_weight=w, stride=1), CPU), given)
        for w in (0.5, 9.0)
    )
    assert plain == heavy
    named = LossConfig(objective="ssi_mae+gradient", gradient_weight=9.0, stride=1)
    assert loss_of(SupervisedTask(Red(), named, CPU), given) > 2 * plain


def test_pairs_are_learnt_beside_maps_and_weigh_as_views() -> None:
    given = batch(pairs_in=1)
    right, wrong = (
        SupervisedTask(Red(factor), LossConfig(stride=1, anchor_weight=0.0), CPU).step(given, 0) for factor in (1.0, -1.0)
    )
    assert right.parts["pairs"] < 0.5 * wrong.parts["pairs"]
    maps = given._replace(pairs=np.zeros((4, 0, 5), np.float32))
    alone = loss_of(SupervisedTask(Red(), LossConfig(stride=1, anchor_weight=0.0), CPU), maps)
    assert float(right.loss.detach()) == pytest.approx(alone + float(right.parts["pairs"]), rel=1e-5)


def test_growing_numbers_do_not_lower_the_loss_of_pairs() -> None:
    given = batch(pairs_in=1)
    small, large = (SupervisedTask(Red(factor), LossConfig(), CPU).step(given, 0).parts["pairs"] for factor in (1.0, 100.0))
    torch.testing.assert_close(small, large)


def test_sources_apart_give_one_objective_each_whose_mean_is_the_loss() -> None:
    given, network = batch((0, 0, 0, 2)), Red()
    config = LossConfig(stride=1, anchor_weight=0.0)
    report = SupervisedTask(network, config, CPU, apart=True).step(given, 0)
    assert network.passes == 2
    assert list(report.objectives) == ["0", "2"]
    together = loss_of(SupervisedTask(network, config, CPU), given)
    objectives = {s: float(loss.detach()) for s, loss in report.objectives.items()}
    assert float(report.loss.detach()) == pytest.approx(together, rel=1e-5)
    assert 0.75 * objectives["0"] + 0.25 * objectives["2"] == pytest.approx(together, rel=1e-5)
    assert len(report.shared) == 2


def test_ranking_draws_the_same_pairs_for_the_same_seed_and_step() -> None:
    given = batch()
    config = LossConfig(objective="ranking", stride=1)
    first, again, other = (loss_of(SupervisedTask(Red(), config, CPU, seed), given, 3) for seed in (1, 1, 2))
    assert first == again != other


def test_a_misspelt_objective_is_refused_with_the_nearest() -> None:
    with pytest.raises(LeadlineError, match="did you mean 'ssi_trim"):
        SupervisedTask(Red(), LossConfig(objective="ssi_trm"), CPU)


def metric_batch() -> Batch:
    """Red says the depth in metres."""
    given = batch()
    return given._replace(disparity=(1 / given.image[..., 0].astype(np.float32)) * given.valid)


@pytest.mark.parametrize("objective", ["silog_depth_anything", "silog_eigen+gradient"])
def test_metres_that_are_right_cost_nothing_and_a_wrong_scale_does(objective: str) -> None:
    assert Red().kind != METRIC_DEPTH  # the kind is the head's; the task only needs depth
    config = LossConfig(objective=objective, stride=1)
    assert loss_of(MetricTask(Red(), config, CPU, 300.0), metric_batch()) == pytest.approx(0, abs=1e-5)
    assert loss_of(MetricTask(Red(1.3), config, CPU, 300.0), metric_batch()) > 0.01


def test_truth_beyond_the_largest_depth_is_not_looked_at() -> None:
    given = metric_batch()
    spoilt = given._replace(disparity=np.where(given.disparity < 1 / 100, given.disparity * 0.5, given.disparity))
    config = LossConfig(objective="silog_eigen", stride=1)
    assert loss_of(MetricTask(Red(), config, CPU, 100.0), spoilt) == pytest.approx(0, abs=1e-5)
    assert loss_of(MetricTask(Red(), config, CPU, 1000.0), spoilt) > 0.01


def test_an_objective_without_metres_is_refused_for_a_metric_head() -> None:
    with pytest.raises(LeadlineError, match="for a metric head: expected one of silog"):
        MetricTask(Red(), LossConfig(), CPU, 10.0)
