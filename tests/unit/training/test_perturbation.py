"""Strong changes of pictures: what they may touch, and what stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leadline.training import perturbation
from leadline.training.perturbation import blur, cutmix, jitter_colours, perturb


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def pictures(n: int = 6, h: int = 24, w: int = 32) -> Tensor:
    return torch.randint(0, 256, (n, h, w, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others() -> None:
    torch.manual_seed(3)
    first = perturb(pictures())
    torch.manual_seed(3)
    assert torch.equal(perturb(pictures()), first)
    assert not torch.equal(perturb(pictures()), first)
    assert first.shape == pictures().shape
    assert first.dtype == torch.uint8


def test_without_any_strength_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JITTERED", "GREYED", "BLURRED"):
        monkeypatch.setattr(perturbation, name, 0.0)
    assert torch.equal(perturb(pictures()), pictures())


def test_a_turn_of_hue_and_a_saturation_leave_grey_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BRIGHTNESS", "CONTRAST"):
        monkeypatch.setattr(perturbation, name, 0.0)
    monkeypatch.setattr(perturbation, "JITTERED", 1.0)
    grey = torch.rand(20, 1, 8, 8).mul(255).expand(20, 3, 8, 8)
    torch.testing.assert_close(jitter_colours(grey), grey, atol=1e-3, rtol=0)
    colour = torch.tensor([200.0, 40, 60]).reshape(1, 3, 1, 1).expand(20, 3, 8, 8)
    turned = jitter_colours(colour)
    assert (turned - colour).abs().amax((1, 2, 3)).gt(1).all()


def test_brightness_is_a_factor_within_its_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONTRAST", "SATURATION", "HUE_TURN", "GREYED"):
        monkeypatch.setattr(perturbation, name, 0.0)
    monkeypatch.setattr(perturbation, "JITTERED", 1.0)
    planes = torch.full((200, 3, 2, 2), 100.0)
    factors = jitter_colours(planes)[:, 0, 0, 0] / 100
    assert 0.5 <= factors.min() < 0.6
    assert 1.4 < factors.max() <= 1.5


def test_a_blur_spreads_a_point_and_keeps_its_sum_and_place() -> None:
    planes = torch.zeros(40, 3, 31, 31)
    planes[:, :, 15, 15] = 100
    found = blur(planes)
    torch.testing.assert_close(found.sum((2, 3)), torch.full((40, 3), 100.0))
    sharp = found[:, 0, 15, 15] > 99.99
    assert 8 < sharp.sum() < 32  # half of them
    at = torch.arange(31.0)
    torch.testing.assert_close((found[:, 0].sum(1) * at).sum(1) / 100, torch.full((40,), 15.0))
    torch.testing.assert_close(found, found.flip(2))


def test_a_piece_comes_with_its_label_and_the_rest_stays() -> None:
    pixels = pictures(8)
    label = pixels[..., 0].float()
    valid = pixels[..., 1] > 30
    mixed = cutmix(pixels, label, valid, 1.0)
    assert torch.equal(mixed.label, mixed.pixels[..., 0].float())
    assert torch.equal(mixed.valid, mixed.pixels[..., 1] > 30)
    changed = (mixed.pixels != pixels).any(3)
    for n in range(8):
        inside = mixed.inside[n]
        if not changed[n].any():
            continue
        assert not (changed[n] & ~inside).any()
        rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
        box = (int(rows[-1] - rows[0]) + 1) * (int(columns[-1] - columns[0]) + 1)
        assert inside.sum() == box  # a rectangle
        partners = [k for k in range(8) if k != n and torch.equal(mixed.pixels[n][inside], pixels[k][inside])]
        assert len(partners) == 1
    assert changed.flatten(1).any(1).sum() >= 6


@pytest.mark.parametrize(("n", "probability"), [(8, 0.0), (1, 1.0)])
def test_what_is_not_mixed_is_one_region(n: int, probability: float) -> None:
    pixels = pictures(n)
    mixed = cutmix(pixels, pixels[..., 0].float(), pixels[..., 1] > 30, probability)
    assert torch.equal(mixed.pixels, pixels)
    assert mixed.inside.all()


def test_half_of_the_pictures_are_mixed_at_a_probability_of_a_half() -> None:
    pixels = pictures(400, 8, 8)
    mixed = cutmix(pixels, pixels[..., 0].float(), pixels[..., 0] >= 0, 0.5)
    share = (~mixed.inside.flatten(1).all(1)).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.1)
