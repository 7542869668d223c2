"""View synthesis on a real walk, where it is at hand: sensor depth and poses explain the next frames, other readings don't."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.data.datasets.registry import get_dataset
from leadline.data.film_sources import VideoSource
from leadline.geometry.inverse_warp import inverse_warp

ROOT = Path(__file__).parents[3].parent / "shared" / "data" / "video"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the real samples (../shared/data) are not on this machine")


@pytest.mark.parametrize("index", [2, 40, 100])
def test_a_real_frame_is_put_together_from_its_neighbour_by_sensor_depth_and_pose(index: int) -> None:
    root, dataset = ROOT / "hololens", get_dataset("hololens")
    names = dataset.names(root)
    target, source = (dataset.read(root, names[i]) for i in (index, index + 2))
    assert target.depth is not None
    assert target.camera is not None
    assert target.world_from_camera is not None
    assert source.world_from_camera is not None
    k = torch.from_numpy(target.camera.intrinsics)[None]
    pose = torch.from_numpy(np.linalg.inv(source.world_from_camera) @ target.world_from_camera)[None]
    pictures = [torch.tensor(s.image).permute(2, 0, 1)[None].double() / 255 for s in (target, source)]
    known = torch.tensor(target.depth.valid)
    depth = torch.from_numpy(np.where(target.depth.valid, target.depth.values, 1.0).astype(np.float64))[None]

    def error(motion: torch.Tensor) -> float:
        warped = inverse_warp(pictures[1], depth, k, motion)
        seen = warped.projection.valid[0] & known
        return float((warped.image - pictures[0]).abs().mean(1)[0][seen].mean())

    right = error(pose)
    assert right < 0.5 * error(torch.eye(4).double()[None])
    assert right < 0.5 * error(torch.linalg.inv(pose))


def test_real_recordings_are_found_with_their_cameras() -> None:
    (rig,) = VideoSource.parse(f"video:{ROOT / 'kitti_stereo'}").films()
    assert rig.baseline_m == pytest.approx(0.533, abs=0.01)
    frame = next(iter(rig.frames()))
    assert frame.camera is not None
    assert frame.partner is not None
    assert frame.camera.fx == pytest.approx(718.856)
    (drive,) = VideoSource.parse(f"video:{ROOT / 'kitti_odometry00_416x128'}").films()
    frame = next(iter(drive.frames()))
    assert frame.camera is not None
    assert frame.camera.hw == frame.pixels.shape[:2] == (128, 416)
