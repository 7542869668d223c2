from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import dense_losses as slow

from leadline.losses.regression import l1_loss, l2_loss
from leadline.losses.set_loss import set_consistency_loss, set_loss, to_common_frame

H, W = 6, 8
IDENTITY = [[1.0, 0, 0], [0, 1, 0]]
FLIP = [[-1.0, 0, W], [0, 1, 0]]
ZOOM = [[2.0, 0, -2], [0, 2, -3]]  # the view shows the common frame's columns 1 to 5 and rows 1.5 to 4.5
SHIFT = [[1.0, 0, -2], [0, 1, -1]]  # a crop from (2, 1)


def sets(n: int = 2, k: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pred, target = (torch.rand(n, k, H, W, generator=generator, dtype=torch.float64) for _ in range(2))
    return pred, target, torch.rand(n, k, H, W, generator=generator) < 0.8


def views(*matrices: list[list[float]], n: int = 1) -> torch.Tensor:
    return torch.tensor(matrices, dtype=torch.float64).expand(n, len(matrices), 2, 3)


def test_consistency_equals_its_slow_twin_over_all_pairs() -> None:
    for k in (1, 2, 5):
        maps, _, valid = sets(k=k)
        expected = [slow.consistency(m.numpy(), v.numpy()) for m, v in zip(maps, valid, strict=True)]
        np.testing.assert_allclose(set_consistency_loss(maps, valid).numpy(), expected, rtol=1e-12)


def test_views_of_one_plane_agree_in_the_common_frame() -> None:
    def plane(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 3 + 0.25 * x - 0.5 * y

    xs, ys = torch.arange(W, dtype=torch.float64) + 0.5, torch.arange(H, dtype=torch.float64) + 0.5
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    seen = torch.stack([plane(x, y), plane(W - x, y), plane((x + 2) / 2, (y + 3) / 2), plane(x + 2, y + 1)])[None]
    matrices = views(IDENTITY, FLIP, ZOOM, SHIFT)
    values, shown = to_common_frame(seen, torch.ones_like(seen, dtype=torch.bool), matrices)
    assert shown[0, :2].all()
    assert shown[0, 2].sum() == 4 * 2  # centres from 1.25 to 4.75 and from 1.75 to 4.25 have four neighbours in the view
    assert shown[0, 3].sum() == (W - 2) * (H - 1)
    for member, mask in zip(values[0], shown[0], strict=True):
        torch.testing.assert_close(member[mask], plane(x, y)[mask])
    assert set_consistency_loss(values, shown).item() == pytest.approx(0, abs=1e-20)


def test_a_sample_that_touches_a_hidden_pixel_is_hidden() -> None:
    values, valid = torch.ones(1, 1, H, W, dtype=torch.float64), torch.ones(1, 1, H, W, dtype=torch.bool)
    valid[0, 0, 2, 3] = False
    values[0, 0, 2, 3] = torch.nan
    got, shown = to_common_frame(values, valid, views([[1.0, 0, 0.5], [0, 1, 0]]))
    hidden = [(y, x) for y, x in np.argwhere(~shown[0, 0].numpy()).tolist() if x < W - 1]
    assert hidden == [(2, 2), (2, 3)]
    assert torch.isfinite(got).all()


def test_the_whole_loss_is_the_mean_of_the_views_plus_the_weighted_disagreement() -> None:
    pred, target, valid = sets()
    matrices = views(IDENTITY, FLIP, SHIFT, n=2)
    scale = torch.tensor([[1.0, 1.0, 1.5]], dtype=torch.float64).expand(2, 3)
    common, shown = to_common_frame(pred, valid, matrices)
    expected = sum(l1_loss(pred[:, i], target[:, i], valid[:, i]) for i in range(3)) / 3
    expected = expected + 0.7 * set_consistency_loss(common * scale[..., None, None], shown)
    torch.testing.assert_close(set_loss(pred, target, valid, matrices, scale, weight=0.7, single=l1_loss), expected)


def test_equal_wrong_maps_pay_for_their_truth_alone() -> None:
    _, target, valid = sets()
    pred = (target[:, :1] + 1).expand_as(target)
    loss = set_loss(pred, target, valid, views(IDENTITY, IDENTITY, IDENTITY, n=2))
    torch.testing.assert_close(loss, sum(l2_loss(pred[:, i], target[:, i], valid[:, i]) for i in range(3)) / 3)


def test_gradients_equal_finite_differences_and_skip_hidden_pixels() -> None:
    pred, target, valid = sets(n=1)
    target = torch.where(valid, target, torch.nan)
    matrices = views(IDENTITY, FLIP, ZOOM)
    pred = torch.where(valid, pred, 0.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: set_loss(p, target, valid, matrices), (pred,))
    hidden = torch.where(valid, pred.detach(), torch.nan).requires_grad_()
    values = [set_loss(p, target, valid, matrices) for p in (pred, hidden)]
    grads = [torch.autograd.grad(v.sum(), p)[0] for v, p in zip(values, (pred, hidden), strict=True)]
    assert torch.equal(values[0], values[1])
    assert torch.equal(grads[0], grads[1])
    assert not grads[1][~valid].any()
