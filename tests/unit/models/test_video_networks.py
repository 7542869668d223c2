from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.geometry.se3 import inverse
from leadline.models.efficientnet_lite import EfficientNetLite
from leadline.models.monodepth2 import PairEncoder
from leadline.models.registry import make_model
from leadline.models.residual_flow import INPUTS, ResidualFlowNetwork
from leadline.models.video_network import DEPTH_UP_TO_SCALE, DisparityDepth, VideoNetwork, matrices_in_film_order

NAMES = ["monodepth2-tiny", "sfmlearner-tiny"]


def network(name: str) -> VideoNetwork:
    torch.manual_seed(0)
    found = make_model(name)
    assert isinstance(found, VideoNetwork)
    return found


def pictures(count: int, n: int = 2, h: int = 32, w: int = 64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, 3, h, w, generator=generator) for _ in range(count)]


@pytest.mark.parametrize("name", NAMES)
def test_views_have_four_scales_and_a_motion_for_each_source_and_every_parameter_gets_a_gradient(name: str) -> None:
    net = network(name)
    target, *sources = pictures(3)
    views = net.views(target, sources, (-1, 1))
    assert [tuple(each.shape) for each in views.logits] == [(2, 32, 64), (2, 16, 32), (2, 8, 16), (2, 4, 8)]
    assert views.motion.shape == (2, 2, 6)
    assert net.motion_matrices(views.motion, (-1, 1)).shape == (2, 2, 4, 4)
    total = sum((each.square().mean() for each in views.logits), views.motion.square().sum())
    for mask, logits in zip(views.masks, views.logits, strict=False):
        assert mask.shape == (2, 2, *logits.shape[1:])
        total = total + mask.square().mean()
    total.backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hw", [(32, 32), (64, 96), (33, 47)])
def test_odd_sizes_come_back_at_their_own_size_between_near_and_far(name: str, hw: tuple[int, int]) -> None:
    with torch.no_grad():
        net = network(name).eval()
        depth = net(torch.randn(1, 3, *hw))
        target = torch.randn(1, 3, *hw)
        torch.testing.assert_close(net(target), net.activation(net.views(target, [target] * 2, (-1, 1)).logits[0]))
    assert depth.shape == (1, *hw)
    assert (depth >= 0.0999).all()
    assert (depth <= 100.001).all()


def test_depth_is_the_inverse_of_a_disparity_between_the_limits() -> None:
    activation = DisparityDepth(0.5, 20.0)
    assert activation(torch.tensor([-100.0, 100.0])).tolist() == pytest.approx([20.0, 0.5])
    assert activation(torch.tensor(0.0)).item() == pytest.approx(1 / ((1 / 0.5 + 1 / 20) / 2))
    other = DisparityDepth()
    other.load_state_dict(activation.state_dict())
    assert other(torch.tensor(-100.0)).item() == pytest.approx(20.0)


def test_the_first_motions_are_small_and_a_pair_is_read_in_the_order_of_the_film() -> None:
    net = network("monodepth2-tiny").eval()
    target, source = pictures(2)
    with torch.no_grad():
        before = net.views(target, [source], (-1,)).motion
        swapped = net.views(source, [target], (1,)).motion
    assert before.abs().max() < 0.05
    torch.testing.assert_close(before, swapped)  # both times the source is the earlier one
    one = net.motion_matrices(before, (-1,))
    torch.testing.assert_close(one, inverse(net.motion_matrices(before, (1,))))


def test_a_camera_that_goes_forward_finds_the_earlier_frame_behind_it() -> None:
    forward = torch.tensor([[[0.0, 0, 0, 0, 0, -1.0]]])  # a point comes 1 nearer from the earlier frame to the later one
    earlier, later = matrices_in_film_order(forward.expand(1, 2, 6), (-1, 1))
    assert earlier[0, 2, 3] == 1  # seen from the earlier frame it is farther
    assert later[0, 2, 3] == -1


def test_a_pair_of_equal_pictures_gives_the_pair_encoder_what_one_gives_the_encoder() -> None:
    one, two = EfficientNetLite(0).eval(), PairEncoder(0).eval()
    names = one._package_names()
    state = {names[key]: value for key, value in one.state_dict().items()}
    two.load_package_weights(state)
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(two(torch.cat([image, image], 1))[-1], one(image)[-1], rtol=1e-4, atol=1e-4)


def test_the_kind_and_the_note_say_whether_the_baseline_was_known_and_travel_with_the_weights() -> None:
    net = network("sfmlearner-tiny")
    assert net.card("a.b").kind == DEPTH_UP_TO_SCALE
    assert "up to one scale" in net.card("a.b").notes
    net.in_metres(True)
    assert net.card("a.b").kind == METRIC_DEPTH
    assert "known baseline" in net.card("a.b").notes
    other = network("sfmlearner-tiny")
    other.describe(net.description())
    assert other.kind == METRIC_DEPTH


@pytest.mark.parametrize(
    ("name", "motion", "masks"),
    [("monodepth2-tiny", False, False), ("monodepth2-tiny", True, False), ("sfmlearner-tiny", True, False)],
)
def test_what_an_objective_does_not_need_is_not_trained(name: str, motion: bool, masks: bool) -> None:
    net = network(name)
    net.learn(motion=motion, masks=masks)
    target, *sources = pictures(3, n=1)
    views = net.views(target, sources, (-1, 1)) if motion else net.views(target, [], ())
    assert not views.masks
    sum((each.square().mean() for each in views.logits), views.motion.square().sum()).backward()
    learnt = {n for n, p in net.named_parameters() if p.grad is not None}
    assert learnt == {n for n, p in net.named_parameters() if p.requires_grad}
    assert len(learnt) < len(list(net.parameters())) or (motion and name == "monodepth2-tiny")


def test_sfmlearner_has_nothing_pretrained() -> None:
    with pytest.raises(LeadlineError, match="no pretrained encoder"):
        network("sfmlearner-tiny").load_imagenet()


def test_half_precision_reaches_neither_disparity_nor_motion() -> None:
    net = network("monodepth2-tiny")
    target, source = pictures(2, n=1)
    with torch.autocast("cpu", torch.bfloat16):
        views = net.views(target, [source], (1,))
    assert {each.dtype for each in (*views.logits, views.motion)} == {torch.float32}
    assert not torch.equal(views.logits[0], views.logits[0].bfloat16().float())


def test_a_new_flow_network_hands_its_input_on_through_all_its_layers() -> None:
    torch.manual_seed(0)
    flow, x = ResidualFlowNetwork(), torch.randn(2, INPUTS, 64, 96)
    with torch.no_grad():
        for step in flow.down:
            x = step(x)
    assert (x[0] - x[1]).std() > 0.1  # torch's own start: 0.00006
