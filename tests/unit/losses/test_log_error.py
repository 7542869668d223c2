from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.unit.losses.test_dense_losses import maps

from leadline.errors import LeadlineError
from leadline.losses.log_error import (
    LOG_ERROR_LOSSES,
    LogErrorLoss,
    eigen_fergus_loss,
    log_error_loss,
    log_gradient_loss,
    scale_fitted_log_loss,
)
from leadline.losses.regression import log_l1_loss
from leadline.metrics.log_error import LOG_ERRORS


def test_losses_and_metrics_know_the_same_names() -> None:
    assert list(LOG_ERROR_LOSSES) == list(LOG_ERRORS)


@pytest.mark.parametrize("name", LOG_ERRORS)
def test_a_loss_is_the_metric_of_its_name(name: str) -> None:
    pred, target, valid = maps()
    for got, p, t, v in zip(log_error_loss(pred, target, valid, name), pred, target, valid, strict=True):
        d = np.log(p[v].numpy()) - np.log(t[v].numpy())
        assert got.item() == pytest.approx(LOG_ERRORS[name](float(d.mean()), float(d.var())), rel=1e-12)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_lambda_is_how_much_of_a_wrong_scale_is_forgiven(weight: float) -> None:
    _, target, valid = maps()
    loss = LogErrorLoss(weight)(target * torch.e, target, valid)  # d = 1 everywhere
    torch.testing.assert_close(loss, torch.full_like(loss, 1 - weight))


def test_the_ablation_loss_is_the_smallest_over_all_scales() -> None:
    pred, target, valid = maps()
    scales = torch.linspace(-3, 4, 701, dtype=torch.float64)
    d = pred.log() - target.log()
    scanned = [torch.where(valid, (s + d).square(), 0).sum((1, 2)) / (2 * valid.sum((1, 2))) for s in scales]
    best = torch.stack(scanned).amin(0)
    got = scale_fitted_log_loss(pred, target, valid)
    assert (got <= best).all()
    torch.testing.assert_close(got, best, atol=1e-4, rtol=0)


def test_inverting_both_maps_changes_nothing() -> None:
    pred, target, valid = maps()
    for loss in (*LOG_ERROR_LOSSES.values(), log_gradient_loss, eigen_fergus_loss, log_l1_loss):
        torch.testing.assert_close(loss(1 / pred, 1 / target, valid), loss(pred, target, valid))


def test_a_sky_of_disparity_0_is_left_out() -> None:
    pred, target, valid = maps()
    sky = torch.zeros_like(valid)
    sky[:, :3] = True
    got = eigen_fergus_loss(pred, torch.where(sky, 0.0, target), valid)
    torch.testing.assert_close(got, eigen_fergus_loss(pred, target, valid & ~sky))


def test_a_prediction_of_0_after_a_softplus_still_has_a_gradient() -> None:
    raw = torch.full((1, 2, 2), -80.0, requires_grad=True)  # softplus: 1.8e-35
    target = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    log_error_loss(torch.nn.functional.softplus(raw), target, torch.ones_like(target, dtype=torch.bool)).sum().backward()
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad < 0).all()  # descent raises all


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    pred, target, valid = maps()
    with pytest.raises(LeadlineError, match=r"unknown log error 'silog_eigne'.*did you mean 'silog_eigen'"):
        log_error_loss(pred, target, valid, "silog_eigne")
