import pickle

import numpy as np

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.sample import Sample


def make() -> Sample:
    return Sample("room/000", np.zeros((2, 3, 3), np.uint8), DepthMap(np.ones((2, 3))), Camera.from_fov_deg(60, (2, 3)))


def test_a_sample_needs_only_a_name_and_a_picture() -> None:
    sample = Sample("x", np.zeros((2, 3, 3), np.uint8))
    assert sample.depth is None
    assert sample.camera is None
    assert sample.masks == {}
    assert sample.world_from_camera is None


def test_samples_do_not_share_their_masks() -> None:
    one, other = make(), make()
    one.masks["sky"] = np.zeros((2, 3), bool)
    assert other.masks == {}


def test_a_sample_survives_pickling() -> None:
    back = pickle.loads(pickle.dumps(make()))
    assert back.name == "room/000"
    assert np.array_equal(back.depth.values, make().depth.values)
    assert back.camera == make().camera


def test_samples_compare_by_identity_since_arrays_have_no_single_truth() -> None:
    sample = make()
    assert sample in [sample]
    assert sample != make()
