"""GeoNet's two stages on drawn pairs whose flow is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.unit.data.small_films import FOCAL_PX, wall

from leadline.data.video_views import VideoBatch
from leadline.geometry.pyramid import resize_image
from leadline.losses.flow_consistency import end_point_error
from leadline.models.geonet import GeoNet
from leadline.models.registry import make_model
from leadline.models.video_network import Views
from leadline.training.optimiser import training_mode
from leadline.training.task import LossReport
from leadline.training.tasks.geonet import GeonetTask, directions, geonet_pictures, residual_flow
from leadline.training.video_settings import VideoSettings

CPU = torch.device("cpu")
HW = (32, 64)
DEPTH, STEP = 3.0, 4 * 3.0 / FOCAL_PX  # the camera goes right: the wall goes 4 pixels to the left
THING = (slice(8, 24), slice(24, 44))  # goes 1 pixel to the left and 2 down, in spite of it
OWN = (-1.0, 2.0)
FIRST = VideoSettings(objective="geonet", smoothness=0.5)
SECOND = replace(FIRST, stage="second")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Told(GeoNet):
    """Says the true depth of the wall and the camera's true motion; its residual flow is to be learnt."""

    def __init__(self, depth: float = DEPTH, step: float = STEP) -> None:
        super().__init__(widths=(4, 4, 8, 8, 8), pose_width=16, flow_widths=(8, 16, 24, 32))
        near, far = self.activation.limits.tolist()
        share = (1 / depth - 1 / far) / (1 / near - 1 / far)
        self.told = torch.nn.Parameter(torch.tensor([float(np.log(share / (1 - share))), step]))

    def views(self, target: torch.Tensor, sources: Any, offsets: Any) -> Views:
        n, _, h, w = target.shape
        motion = torch.zeros(n, len(offsets), 6)
        motion[..., 3] = -self.told[1]
        maps = [self.told[0].expand(n, h >> s, w >> s) for s in range(4)]
        return Views(tuple(maps), motion, (), tuple(each.expand(len(sources), *each.shape) for each in maps))


def smooth(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture whose slopes lead farther than those of the wall, of full contrast."""
    blurred = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 3.0)
    return np.asarray(cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


def drawn(thing: bool = True) -> tuple[VideoBatch, NDArray[np.float32]]:
    """Return a clip of two pictures, and the (2, h, w) flow of the first."""
    picture = smooth(wall())
    cut = [np.ascontiguousarray(picture[: HW[0], x : x + HW[1]]) for x in (100, 104)]
    flow = np.zeros((2, *HW), np.float32)
    flow[0] = -4
    if thing:
        look = smooth(wall(seed=5))[:16, :20]
        rows, columns = THING
        cut[0][rows, columns] = look
        cut[1][rows.start + 2 : rows.stop + 2, columns.start - 1 : columns.stop - 1] = look
        flow[:, rows, columns] = np.array(OWN)[:, None, None]
    k = np.array([[FOCAL_PX, 0, 32], [0, FOCAL_PX, 16], [0, 0, 1]], np.float32)
    target, source = cut[0][None], cut[1][None, None]
    nothing = np.full((1, 4, 4), np.nan, np.float32)
    return VideoBatch(target, source, target, source, k[None], k[None, None], nothing, (1,), np.zeros(1, np.int64)), flow


def full_flow(network: GeoNet, batch: VideoBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rigid and the full flow of the target, (1, 2, h, w) each."""
    with torch.no_grad():
        pairs = directions(network, batch, CPU)
        residual = residual_flow(network, pairs)[0]
    return pairs.rigid[0][:1], (pairs.rigid[0] + residual)[:1]


def test_rigid_flow_there_and_back_is_that_of_the_wall_and_explains_it() -> None:
    batch, flow = drawn(thing=False)
    pairs = directions(Told(), batch, CPU)
    for scale, rigid in enumerate(pairs.rigid):
        assert rigid.shape == (2, 2, HW[0] >> scale, HW[1] >> scale)
        torch.testing.assert_close(rigid[0, 0], torch.full_like(rigid[0, 0], -4 / 2**scale))  # pixels of its own size
        torch.testing.assert_close(rigid[1], -rigid[0])
    assert flow[0, 0, 0] == -4

    def photometric(**wrong: float) -> float:
        return float(GeonetTask(Told(**wrong), FIRST, CPU).step(batch, 0).parts["photometric"])

    right = photometric()
    assert photometric(depth=6.0) > 3 * right
    assert photometric(step=-STEP) > 3 * right


class Residual(Told):
    """Says a share of the true residual flow, there and back, at every scale."""

    share = 1.0

    def residual_flow(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        own = torch.zeros(2, 2, *HW)
        rows, columns = THING
        residual = torch.tensor([OWN[0] + 4, OWN[1]])[:, None, None]
        own[0, :, rows, columns] = residual
        own[1, :, rows.start + 2 : rows.stop + 2, columns.start - 1 : columns.stop - 1] = -residual
        return [resize_image(self.share * own, (HW[0] >> scale, HW[1] >> scale)) / 2**scale for scale in range(4)]


def test_the_true_full_flow_costs_less_than_the_rigid_flow_and_half_of_it_more() -> None:
    """With the published weights; so that a residual must be found at once, not step by step: see the next test."""
    batch, true = drawn()
    network = Residual()
    rigid, full = full_flow(network, batch)
    target, thing = torch.from_numpy(true)[None], torch.zeros(1, *HW, dtype=torch.bool)
    thing[(0, *THING)] = True
    assert end_point_error(rigid, target, thing).item() == pytest.approx(np.hypot(3, 2), rel=1e-4)
    assert end_point_error(full, target, thing).item() < 1e-3

    def step(share: float) -> LossReport:
        network.share = share
        return GeonetTask(network, SECOND, CPU).step(batch, 0)

    none, half, whole = step(0.0), step(0.5), step(1.0)
    assert whole.loss < 0.8 * none.loss < 0.8 * half.loss
    assert whole.parts["photometric"] < 0.4 * none.parts["photometric"]
    assert none.parts["consistency"] < 1e-4 < half.parts["consistency"]
    assert whole.parts["kept"] < none.parts["kept"]  # what the thing hides and what it uncovers is left out


@pytest.mark.slow
def test_full_flow_is_learnt_on_what_moves_by_itself() -> None:
    """With light weights of consistency and smoothness: under the published ones this pair stays at the rigid flow."""
    torch.manual_seed(0)
    batch, true = drawn()
    network = Told()
    network.learn_flow()
    task = GeonetTask(network, replace(SECOND, flow_consistency=0.01, flow_smoothness=0.01), CPU)
    optimiser = torch.optim.Adam(network.flow.parameters(), 3e-3)
    target, thing = torch.from_numpy(true)[None], torch.zeros(1, *HW, dtype=torch.bool)
    thing[(0, *THING)] = True
    for number in range(150):
        optimiser.zero_grad()
        task.step(batch, number).loss.backward()
        optimiser.step()
    rigid, full = full_flow(network, batch)
    assert end_point_error(full, target, thing).item() < 0.5 * end_point_error(rigid, target, thing).item()
    assert end_point_error(full, target, ~thing).item() < 1


def test_the_first_stage_trains_depth_and_motion_and_the_second_the_flow_alone() -> None:
    batch, _ = drawn()
    torch.manual_seed(0)
    network = make_model("geonet-tiny")
    assert isinstance(network, GeoNet)
    network.learn(motion=True, masks=False)
    report = GeonetTask(network, FIRST, CPU).step(batch, 0)
    report.loss.backward()
    learnt = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert learnt == {name for name, p in network.named_parameters() if not name.startswith("flow.")}
    network.zero_grad(set_to_none=True)
    network.learn_flow()
    training_mode(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    report = GeonetTask(network, SECOND, CPU).step(batch, 0)
    report.loss.backward()
    learnt = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert learnt == {name for name, p in network.named_parameters() if name.startswith("flow.")}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())  # statistics stay
    assert {"photometric", "flow_smoothness", "consistency", "kept", "residual"} == set(report.parts)


def test_hidden_pixels_are_left_out_and_without_the_mask_they_count() -> None:
    batch, _ = drawn()
    torch.manual_seed(0)
    network = Told(step=3 * STEP)
    with torch.no_grad():
        network.flow.predict[0].bias.copy_(torch.tensor([60.0, 0.0]))  # flows there and back that don't lead back
    kept, all_of_them = (
        GeonetTask(network, replace(SECOND, adaptive=adaptive), CPU).step(batch, 0).parts for adaptive in (True, False)
    )
    assert kept["kept"] < all_of_them["kept"]
    assert kept["consistency"] < all_of_them["consistency"]


def test_the_validation_of_the_second_stage_sees_by_full_flow() -> None:
    batch, _ = drawn(thing=False)
    network = Told()
    with torch.no_grad():
        for predict in network.flow.predict:
            predict.weight.zero_()
            predict.bias.zero_()
        target, seen = geonet_pictures(network, batch, CPU)
        assert (seen[0] - target)[..., 5:].abs().max() < 0.01  # what left the picture is the rim's
        network.flow.predict[0].bias.fill_(40.0)
        _, moved = geonet_pictures(network, batch, CPU)
    assert (moved[0] - target)[..., 5:].abs().max() > 0.1
