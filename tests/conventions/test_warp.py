"""Where torch samples, and which way a motion goes. Each test names the plausible wrong reading."""

import numpy as np
import torch
from torch.nn.functional import grid_sample

from leadline.camera import Camera
from leadline.geometry import project_into as project_into_numpy
from leadline.geometry import sample_bilinear
from leadline.geometry.inverse_warp import pixel_centres, project_into, sample

CAMERA = Camera(16, 12, 20.0, 21.0, 7.0, 6.5)
PICTURE = np.random.default_rng(0).random((12, 16))


def test_the_first_pixel_is_sampled_at_one_half_with_the_corner_at_zero_not_at_zero() -> None:
    tensor = torch.from_numpy(PICTURE)[None, None]
    torch.testing.assert_close(sample(tensor, pixel_centres((12, 16), tensor)[None]), tensor)
    corner = sample(tensor, torch.zeros(1, 1, 1, 2).double(), "border")
    assert corner.item() == PICTURE[0, 0]
    assert sample(tensor, torch.zeros(1, 1, 1, 2).double(), "zeros").item() == PICTURE[0, 0] / 4  # three quarters are outside


def test_minus_one_is_the_pictures_edge_not_the_first_pixels_centre() -> None:
    tensor = torch.from_numpy(PICTURE)[None, None]
    xy = torch.tensor([[[[3.7, 8.2]]]]).double()
    grid = xy / torch.tensor([16, 12]).double() * 2 - 1
    right = grid_sample(tensor, grid, align_corners=False)
    wrong = grid_sample(tensor, grid, align_corners=True)
    assert sample(tensor, xy).item() == right.item()
    assert abs(right.item() - wrong.item()) > 1e-3
    centres = torch.tensor([[[[-1 + 1 / 16, -1 + 1 / 12]]]], dtype=torch.float64)
    torch.testing.assert_close(grid_sample(tensor, centres, align_corners=False), tensor[..., :1, :1])


def test_torch_and_numpy_land_at_the_same_place_and_read_the_same() -> None:
    pose = np.array([[0.98, 0.0, 0.2, 0.3], [0.0, 1.0, 0.0, -0.1], [-0.2, 0.0, 0.98, 0.05], [0, 0, 0, 1]])
    depth = np.random.default_rng(1).uniform(2, 5, (12, 16))
    landing = project_into_numpy(CAMERA, pose, depth, CAMERA)
    k = torch.from_numpy(CAMERA.intrinsics)[None]
    ours = project_into(torch.from_numpy(depth)[None], k, torch.from_numpy(pose)[None])
    np.testing.assert_allclose(ours.xy[0].numpy()[landing.valid], landing.xy[landing.valid])
    values, valid = sample_bilinear(PICTURE, landing.xy)
    assert (ours.valid[0].numpy() == (valid & landing.valid)).all()
    read = sample(torch.from_numpy(PICTURE)[None, None], ours.xy)[0, 0].numpy()
    np.testing.assert_allclose(read[valid & landing.valid], values[valid & landing.valid])


def test_the_motion_is_source_from_target_not_target_from_source() -> None:
    forward = torch.eye(4).double()[None].clone()
    forward[0, 2, 3] = -1.0  # the source's camera stands 1 m ahead: a point 2 m before the target is 1 m before it
    k = torch.from_numpy(CAMERA.intrinsics)[None]
    landing = project_into(torch.full((1, 12, 16), 2.0).double(), k, forward)
    assert (landing.depth == 1).all()
    middle = torch.tensor([CAMERA.cx, CAMERA.cy])
    moved = (landing.xy[0] - middle).abs() - (pixel_centres((12, 16), k) - middle).abs()
    assert (moved >= 0).all()  # it grows away from the middle
