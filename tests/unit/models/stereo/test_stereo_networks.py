"""What holds for every stereo network, on tiny ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.stereo.group_correlation import group_correlation, pixel_grid, sample
from leadline.models.stereo.raft_stereo import RaftStereo
from leadline.models.stereo.registry import make_stereo_model, stereo_architecture_names
from leadline.models.stereo.row_correlation import correlation_pyramid, look_up
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.models.stereo.update import MotionWidths, convex_upsample

MOTION = MotionWidths((8, 8), (8, 8), 12)


def tiny_raft(**settings: object) -> RaftStereo:
    return RaftStereo(
        hidden=8, widths=(8, 8, 8), features=8, head_width=8, motion=MOTION, iterations=2, context_norm="instance", **settings
    )  # type: ignore[arg-type]


VARIANTS: dict[str, Callable[[], StereoNetwork]] = {
    "one level": lambda: tiny_raft(levels=1),
    "three levels, slow and fast": lambda: tiny_raft(slow_fast=True),
    "real-time": lambda: tiny_raft(downsample=3, levels=2, slow_fast=True, shared_backbone=True),
    "crestereo": lambda: make_stereo_model("crestereo-tiny"),
}


def dots(shift: int, hw: tuple[int, int] = (32, 64), n: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return random-dot pictures in -1..1; what the left one shows at x the right one shows at x - shift."""
    rng = np.random.default_rng(seed)
    wide = rng.integers(0, 2, (n, 3, hw[0] // 2, (hw[1] + shift) // 2 + 1)).repeat(2, axis=2).repeat(2, axis=3)
    texture = torch.from_numpy(wide * 2.0 - 1).float()
    # Both are windows of one texture; the right camera's window lies farther right.
    return texture[..., : hw[1]].contiguous(), texture[..., shift : shift + hw[1]].contiguous()


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
def test_maps_have_the_pictures_size_and_every_parameter_gets_a_gradient(make: Callable[[], StereoNetwork]) -> None:
    torch.manual_seed(0)
    network = make()
    left, right = torch.randn(2, 2, 3, 64, 96)
    with torch.no_grad():
        assert network(left, right).shape == (2, 64, 96)
    estimates = network.steps(left, right, 2)
    assert {tuple(e.shape) for e in estimates} == {(2, 2, 64, 96)}
    sum(e.square().mean() for e in estimates).backward()  # type: ignore[union-attr]
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny networks are fastest on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learn(
    network: StereoNetwork, shifts: Callable[[int], list[int]], steps: int, lr: float, hw: tuple[int, int]
) -> list[float]:
    """Return the mean end-point error of the last estimate at each step of training on new random dots every time."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr)
    errors = []
    for step in range(steps):
        here = shifts(step)
        pairs = [dots(shift, hw, 1, 10 * step + i) for i, shift in enumerate(here)]
        left, right = (torch.cat(views) for views in zip(*pairs, strict=True))
        truth = torch.tensor(here).float()[:, None, None].expand(len(here), *hw)
        estimates = network.steps(left, right, 2)
        # The first columns' partners lie outside the right picture.
        parts = [(e[:, 0] - truth)[..., max(here) :].abs().mean() for e in estimates]
        loss = torch.stack(parts).mean() + torch.stack([e[:, 1].abs().mean() for e in estimates]).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        errors.append(float(parts[-1].detach()))
    return errors


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("name", "hw"), [("raft-stereo-tiny", (32, 64)), ("crestereo-tiny", (64, 64))])
def test_a_shifted_random_dot_pair_is_learned_with_the_right_sign(name: str, hw: tuple[int, int]) -> None:
    torch.manual_seed(1)
    network = make_stereo_model(name)
    errors = learn(network, lambda step: [8], 40, 1e-2, hw)
    assert np.mean(errors[-5:]) < 0.65 * np.mean(errors[:3])
    with torch.no_grad():
        found = network.steps(*dots(8, hw, seed=99), 2)[-1][:, 0, :, 8:]
    assert 3 < float(found.median()) < 13  # not -8


def test_true_disparity_takes_the_right_picture_onto_the_left_one_and_no_other_does() -> None:
    shift = 6
    left, right = dots(shift)
    errors = {}
    for tried in (shift, 0, -shift):
        flow = torch.zeros(2, 2, 32, 64)
        flow[:, 0] = -tried  # x - disparity
        warped = sample(right, pixel_grid(right) + flow)
        errors[tried] = float((warped - left)[..., shift:-shift].abs().mean())
    assert errors[shift] < 1e-5
    assert min(errors[0], errors[-shift]) > 0.5


def test_correlations_along_rows_are_largest_at_the_true_disparity() -> None:
    shift = 6
    left, right = dots(shift)
    here = torch.arange(64.0).expand(2, 32, 64)
    found = look_up(correlation_pyramid(left, right, 1), here - shift, radius=4)[..., shift:]
    assert (found.mean((0, 2, 3)).argmax() == 4).item()
    other = look_up(correlation_pyramid(left, right, 1), here + shift, radius=4)[..., shift:-shift]
    assert float(other.mean((0, 2, 3)).max()) < 0.5 * float(found.mean((0, 2, 3)).max())


@pytest.mark.parametrize("square", [False, True])
def test_group_correlations_are_largest_at_the_middle_of_the_window_for_the_true_flow(square: bool) -> None:
    left, right = (torch.cat([view] * 4, 1) for view in dots(6))
    flow = torch.zeros(2, 2, 32, 64)
    flow[:, 0] = -6
    for offsets in (None, torch.zeros(2, 18, 32, 64)):
        found = group_correlation(left, right, flow, square, offsets)[..., 12:-12].mean((0, 2, 3)).reshape(4, 9)
        assert (found.argmax(1) == 4).all()


def test_learned_offsets_move_the_places_that_are_searched() -> None:
    left, right = (torch.cat([view] * 4, 1) for view in dots(6))
    flow, offsets = torch.zeros(2, 2, 32, 64), torch.zeros(2, 18, 32, 64)
    flow[:, 0] = -8
    offsets[:, 2 * 4] = 2  # the middle place, two columns to the right
    found = group_correlation(left, right, flow, False, offsets)[..., 16:-12].mean((0, 2, 3)).reshape(4, 9)
    assert (found[:, 4] > 0.9).all()


def test_convex_upsampling_keeps_a_constant_and_scales_it() -> None:
    weights = torch.randn(1, 9 * 16, 6, 8)
    fine = convex_upsample(torch.full((1, 2, 6, 8), 3.0), weights, 4)
    assert fine.shape == (1, 2, 24, 32)
    assert torch.allclose(fine[..., 4:-4, 4:-4], torch.tensor(12.0))  # at the rim zeros around count too, as released


def test_convex_upsampling_puts_the_chosen_neighbour_in_the_chosen_pixel() -> None:
    flow = torch.arange(12.0).reshape(1, 1, 3, 4)
    weights = torch.full((1, 9, 2, 2, 3, 4), -50.0)
    weights[:, 4] = 0  # itself
    weights[:, :, 0, 1] = -50
    weights[:, 5, 0, 1] = 50  # top right pixels take the neighbour to the right
    fine = convex_upsample(flow, weights.reshape(1, 36, 3, 4), 2)[0, 0]
    assert fine[2, 2].item() == pytest.approx(2 * 5)
    assert fine[2, 3].item() == pytest.approx(2 * 6)
    assert fine[3, 3].item() == pytest.approx(2 * 5)


def test_more_iterations_give_more_estimates_and_an_untrained_network_starts_near_zero() -> None:
    network = make_stereo_model("raft-stereo-tiny")
    left, right = dots(4)
    with torch.no_grad():
        assert len(network.steps(left, right, 5)) == 5
        estimate = network.steps(left, right, 1)[0]
    assert not estimate[:, 1].any()
    assert float(estimate[:, 0].abs().median()) < 32


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ((1, 3, 64, 64), (1, 3, 64, 96), "expected two of"),
        ((1, 1, 64, 64), (1, 1, 64, 64), "expected two of"),
        ((1, 3, 60, 64), (1, 3, 60, 64), "multiples of 32"),
        ((1, 3, 32, 32), (1, 3, 32, 32), "at least 64"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(left: tuple[int, ...], right: tuple[int, ...], message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        make_stereo_model("crestereo-tiny")(torch.zeros(left), torch.zeros(right))


def test_an_unknown_name_lists_those_that_there_are() -> None:
    assert {"raft-stereo", "raft-stereo-realtime", "crestereo"} <= set(stereo_architecture_names())
    with pytest.raises(LeadlineError, match="raft-stereo-realtime"):
        make_stereo_model("raft-estereo.v1")


def test_batch_statistics_stay_in_training_as_the_authors_train() -> None:
    network = RaftStereo(hidden=8, widths=(8, 8, 8), features=8, head_width=8, motion=MOTION, levels=1).train()
    before = network.context.norm1.running_mean.clone()  # type: ignore[union-attr, operator]
    network.steps(*dots(4), 1)
    assert torch.equal(before, network.context.norm1.running_mean)  # type: ignore[arg-type]
    assert network.training
