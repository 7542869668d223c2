"""What the integers of the data sets mean, pinned with the plausible wrong reading named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.conventions import CONVENTIONS
from leadline.io.depth import read_depth, write_depth

DATA = Path(__file__).parents[3] / "shared" / "data" / "dev"

# name, stored integer, value, unit; a second line with the integer that a wrong reading would confuse it with.
PINNED = [
    ("kitti", 2560, 10.0, "m"),  # not millimetres, 2.56
    ("kitti_disparity", 2560, 10.0, "px"),
    ("nyu", 2500, 2.5, "m"),
    ("scannet", 2500, 2.5, "m"),
    ("seven_scenes", 2500, 2.5, "m"),
    ("tum", 5000, 1.0, "m"),  # not millimetres, 5.0
    ("matterport", 4000, 1.0, "m"),
    ("vkitti2", 1234, 12.34, "m"),  # centimetres
    ("cityscapes", 257, 1.0, "px"),  # (p - 1) / 256, not p / 256
    ("cityscapes", 1, 0.0, "px"),  # a measured disparity of zero, not "unknown"
    ("sun", 8 * 2500, 2.5, "m"),  # the bits are rotated right by three
    ("sun", 0b100, 32.768, "m"),  # and what leaves on the right comes back on the left: a shift would give 0
    ("middlebury2003", 40, 10.0, "px"),
    ("middlebury2005", 30, 10.0, "px"),
]


@pytest.mark.parametrize(("name", "stored", "value", "unit"), PINNED)
def test_a_stored_integer_is_read_and_written_as_the_data_set_does(tmp_path, name, stored, value, unit):
    dtype = CONVENTIONS[name].dtype
    cv2.imwrite(str(tmp_path / "set.png"), np.array([[stored, 0]], dtype))
    depth = read_depth(tmp_path / "set.png", convention=name)
    assert depth.values[0, 0] == pytest.approx(value, rel=1e-6)
    assert depth.valid.tolist() == [[True, False]]
    assert depth.unit == unit
    write_depth(tmp_path / "ours.png", depth, convention=name)
    ours = cv2.imread(str(tmp_path / "ours.png"), cv2.IMREAD_UNCHANGED)
    assert ours.dtype == dtype
    if stored > 1:  # value 0 is written as the smallest count that is a measurement
        assert ours.tolist() == [[stored, 0]]
    again = read_depth(tmp_path / "ours.png")  # our header needs no convention
    np.testing.assert_array_equal(again.values, depth.values)
    assert again.kind == depth.kind


def test_every_convention_is_pinned():
    assert {name for name, *_ in PINNED} == set(CONVENTIONS)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_integer_survives_reading_and_writing(tmp_path, name):
    convention = CONVENTIONS[name]
    stored = np.arange(np.iinfo(convention.dtype).max + 1, dtype=convention.dtype).reshape(16, -1)
    values, valid = convention.decode(stored)
    back = convention.encode(DepthMap(values, valid, convention.kind))
    np.testing.assert_array_equal(back[valid], stored[valid])
    assert (back[~valid] == 0).all()


@pytest.mark.parametrize("name", ["seven_scenes", "vkitti2"])
def test_the_largest_integer_is_unknown_where_the_set_says_so(name):
    _, valid = CONVENTIONS[name].decode(np.array([[65534, 65535]], np.uint16))
    assert valid.tolist() == [[True, False]]
    with pytest.raises(LeadlineError, match=f"the {name} convention"):
        CONVENTIONS[name].encode(DepthMap([[65535 * CONVENTIONS[name].scale]]))


def test_a_map_of_another_kind_is_refused():
    with pytest.raises(LeadlineError, match="the kitti convention stores depth/metric, this map is disparity/affine_invariant"):
        CONVENTIONS["kitti"].encode(DepthMap([[1.0]], kind="disparity/affine_invariant"))


def test_a_value_beyond_the_integers_is_refused():
    with pytest.raises(LeadlineError, match=r"300 m at 0.00390625 a step: expected 0 to 255.996.*the kitti convention"):
        CONVENTIONS["kitti"].encode(DepthMap([[300.0]]))


REAL = [
    ("tum", "tum_sample", (0.4, 10)),
    ("sun", "sun_sample", (0.4, 10)),
    ("kitti", "kitti_semidense", (1, 90)),
    ("seven_scenes", "seven_scenes_kitchen", (0.3, 6)),
    ("middlebury2005", "middlebury2005", (10, 90)),
    ("middlebury2003", "middlebury2003", (5, 64)),
]


@pytest.mark.parametrize(("name", "folder", "plausible"), REAL)
def test_real_files_have_plausible_values(name, folder, plausible):
    patterns = ("*depth*.png", "*disp*.png", "*/*depth*.png", "*/*disp*.png", "*/*/*depth*.png", "depth*/*.png", "*.png")
    files = [path for pattern in patterns for path in sorted((DATA / folder).glob(pattern))]
    if not files:
        pytest.skip(f"shared/data/dev/{folder} is not here")
    depth = read_depth(files[0], convention=name)
    low, high = np.percentile(depth.values[depth.valid], [1, 99])
    assert plausible[0] <= low < high <= plausible[1], files[0]
