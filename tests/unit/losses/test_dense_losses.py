"""What every dense objective must do, whatever its formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from tests.reference import dense_losses as slow
from torch import Tensor

from leadline.losses import regression
from leadline.losses.berhu import berhu_loss
from leadline.losses.cutmix import cutmix_loss
from leadline.losses.depth4tom import virtual_label_loss
from leadline.losses.log_error import LOG_ERROR_LOSSES, eigen_fergus_loss, log_gradient_loss, scale_fitted_log_loss
from leadline.losses.normal_cosine import depth_normal_cosine_loss, gradient_normal_cosine_loss
from leadline.losses.normalised_gradient import demon_gradient_loss, normalised_gradient_loss
from leadline.losses.pseudo_label import pseudo_label_loss
from leadline.losses.registry import dense_loss_names, get_dense_loss

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
FX, FY, CX, CY = 9.0, 8.0, 5.5, 4.0


def depth_normals(pred: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    k = torch.tensor([[FX, 0, CX], [0, FY, CY], [0, 0, 1]], dtype=pred.dtype)
    return depth_normal_cosine_loss(pred, target, valid, k.expand(len(pred), 3, 3))


def left_half(values: Tensor) -> Tensor:
    return (torch.arange(values.shape[-1]) < values.shape[-1] // 2).expand_as(values)


LOSSES: dict[str, Loss] = {
    "l1": regression.l1_loss,
    "l2": regression.l2_loss,
    "log_l1": regression.log_l1_loss,
    "berhu": partial(berhu_loss, threshold=0.7),
    "berhu_map": partial(berhu_loss, threshold="map"),
    "scale_fitted_log": scale_fitted_log_loss,
    "log_gradient": log_gradient_loss,
    "eigen_fergus": eigen_fergus_loss,
    "depth_normals": depth_normals,
    "gradient_normals": gradient_normal_cosine_loss,
    "nmg": normalised_gradient_loss,
    "demon": demon_gradient_loss,
    "virtual_label": virtual_label_loss,
    "pseudo_label": pseudo_label_loss,
    "cutmix": lambda p, t, v: cutmix_loss(p, t, v, left_half(p)),
    "pseudo_label_all": partial(pseudo_label_loss, gradient_over="all"),
    **LOG_ERROR_LOSSES,
    **{f"registry {name}": get_dense_loss(name) for name in dense_loss_names()},
}
TWINS: dict[str, Callable[..., float]] = {
    "l1": slow.l1,
    "l2": slow.l2,
    "log_l1": slow.log_l1,
    "berhu": partial(slow.berhu, c=0.7),
    "log_gradient": slow.eigen_gradient,
    "silog_variance": slow.pairwise_log_error,
    "depth_normals": lambda p, t, v: slow.normal_cosine(p, t, v, FX, FY, CX, CY),
    "nmg": slow.nmg,
    "demon": slow.demon,
    "virtual_label": slow.virtual_label,
    "pseudo_label": slow.pseudo_label,
    "cutmix": lambda p, t, v: slow.cutmix(p, t, v, np.arange(p.shape[1]) < p.shape[1] // 2 + np.zeros_like(p)),
}
NO_FINITE_DIFFERENCES = {"berhu_map"}  # its threshold is held, see test_berhu


def maps(n: int = 3, h: int = 8, w: int = 11, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random positive maps whose numbers of valid pixels differ."""
    generator = torch.Generator().manual_seed(seed)
    pred = torch.rand(n, h, w, generator=generator, dtype=torch.float64) + 0.1
    target = torch.rand(n, h, w, generator=generator, dtype=torch.float64) * 5 + 0.2
    shares = torch.linspace(0.5, 1.0, n)[:, None, None]
    return pred, target, torch.rand(n, h, w, generator=generator) < shares


@pytest.fixture(params=sorted(LOSSES))
def loss(request: pytest.FixtureRequest) -> Loss:
    return LOSSES[request.param]


@pytest.mark.parametrize("name", sorted(TWINS))
def test_a_batched_loss_equals_its_slow_twin_on_each_image(name: str) -> None:
    pred, target, valid = maps()
    expected = [TWINS[name](p.numpy(), t.numpy(), v.numpy()) for p, t, v in zip(pred, target, valid, strict=True)]
    assert min(expected) > 1e-3
    np.testing.assert_allclose(LOSSES[name](pred, target, valid).numpy(), expected, rtol=1e-11)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - NO_FINITE_DIFFERENCES))
def test_gradients_equal_finite_differences(name: str) -> None:
    pred, target, valid = maps(2, 4, 5, seed=1)
    check = partial(torch.autograd.gradcheck, eps=1e-7, atol=1e-5)
    assert check(lambda p: LOSSES[name](p, target, valid), (pred.requires_grad_(),))


def test_a_loss_is_one_finite_value_a_map_and_pulls(loss: Loss) -> None:
    pred, target, valid = maps()
    value = loss(pred.requires_grad_(), target, valid)
    assert value.shape == (3,)
    assert torch.isfinite(value).all()
    assert (value > 0).all()
    value.sum().backward()
    assert pred.grad is not None
    assert (pred.grad != 0).flatten(1).any(1).all()


def test_a_perfect_prediction_costs_nothing_and_has_no_nan_gradient(loss: Loss) -> None:
    _, target, valid = maps()
    pred = target.clone().requires_grad_()
    value = loss(pred, target, valid)
    torch.testing.assert_close(value, torch.zeros_like(value), atol=1e-10, rtol=0)
    value.sum().backward()
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nan_behind_the_mask_changes_neither_value_nor_gradient(loss: Loss, dtype: torch.dtype) -> None:
    pred, target, valid = maps()
    results = []
    for hidden in (0.5, torch.nan, torch.inf, -1.0):
        p = torch.where(valid, pred, hidden).to(dtype).requires_grad_()
        value = loss(p, torch.where(valid, target, hidden).to(dtype), valid)
        value.sum().backward()
        results.append((value.detach(), p.grad))
    for value, gradient in results:
        assert torch.equal(value, results[0][0])
        assert gradient is not None
        assert torch.equal(gradient, results[0][1])
        assert not gradient[~valid].any()


@pytest.mark.parametrize("case", ["nothing valid", "one valid pixel", "constant target", "constant prediction", "1 x 1"])
def test_maps_without_shape_give_finite_values_and_gradients(loss: Loss, case: str) -> None:
    pred, target, valid = (t.clone() for t in maps())
    if case == "1 x 1":
        pred, target, valid = pred[:, :1, :1], target[:, :1, :1], torch.ones(3, 1, 1, dtype=torch.bool)
    elif case == "constant target":
        target[:] = 0.3
    elif case == "constant prediction":
        pred[:] = 0.7
    else:
        valid[:] = False
        valid[:, 2, 3] = case == "one valid pixel"
    value = loss(pred.requires_grad_(), target, valid)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()
    if case == "nothing valid":
        assert not value.any()
        assert not pred.grad.any()


def test_an_empty_map_does_not_disturb_its_neighbours_in_the_batch(loss: Loss) -> None:
    pred, target, valid = maps()
    alone = loss(pred[1:], target[1:], valid[1:])
    valid[0] = False
    torch.testing.assert_close(loss(pred, target, valid)[1:], alone)
