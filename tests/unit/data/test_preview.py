import cv2
import numpy as np
import pytest

from leadline.data.contact_sheet import TEXT_HEIGHT, Tile, compose
from leadline.data.preview import row_of, thickened, write_contact_sheet
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

HW = (48, 64)


def write_pairs(root, count):
    for i in range(count):
        cv2.imwrite(str(root / f"{i:02d}_color.png"), np.full((*HW, 3), 10 * i, np.uint8))
        cv2.imwrite(str(root / f"{i:02d}_depth.png"), np.full(HW, 5000 + i, np.uint16))


def test_the_sheet_holds_as_many_samples_as_asked_for_spread_evenly(tmp_path):
    write_pairs(tmp_path, 9)
    out = tmp_path / "sheet.png"
    write_contact_sheet(tmp_path, out, "tum", count=3)
    sheet = cv2.imread(str(out))
    assert sheet.shape == (2 * (206 + TEXT_HEIGHT), 6 * 280, 3)  # two samples of three tiles a line
    assert [int(sheet[100, x, 0]) for x in (140, 980)] == [10, 40]  # the second and the fifth of nine
    assert not list(tmp_path.glob(".leadline*"))


def test_asking_for_more_than_there_are_shows_all_and_for_none_is_refused(tmp_path):
    write_pairs(tmp_path, 2)
    write_contact_sheet(tmp_path, tmp_path / "sheet.png", "tum", count=50)
    with pytest.raises(LeadlineError, match="count 0"):
        write_contact_sheet(tmp_path, tmp_path / "sheet.png", "tum", count=0)


def test_a_tile_keeps_the_proportions_of_its_picture():
    wide = np.full((100, 400, 3), 255, np.uint8)
    sheet = compose([[Tile(wide, "wide"), Tile(None)]], (210, 280))
    rows, columns = np.nonzero((sheet[:-TEXT_HEIGHT] == 255).all(axis=2))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert (height, width) == (69, 276)
    assert sheet.shape[0] == height + TEXT_HEIGHT  # a row is no higher than it needs to be


def test_a_text_that_is_too_long_is_cut_and_no_tile_at_all_is_refused():
    assert compose([[Tile(None, "word " * 100)]], (20, 60)).shape[1] == 60
    with pytest.raises(LeadlineError, match="without pictures"):
        compose([[]])


@pytest.mark.parametrize("kind", ["depth/metric", "disparity/metric"])
def test_thickening_a_sparse_map_lets_the_nearest_win_and_keeps_measurements(kind):
    values = np.zeros((20, 20))
    near, far = (1.0, 9.0) if kind.startswith("depth") else (9.0, 1.0)
    values[10, 8], values[10, 12] = near, far
    thick = thickened(DepthMap(values, values > 0, kind))
    assert thick.values[10, 8] == near
    assert thick.values[10, 12] == far
    assert thick.values[10, 10] == near  # reached by both
    assert thick.values[10, 14] == far
    assert not thick.valid[0, 0]


def test_a_dense_map_is_not_thickened():
    dense = DepthMap(np.random.default_rng(0).uniform(1, 2, HW))
    assert thickened(dense) is dense


def test_masks_are_named_with_their_shares():
    material = np.zeros(HW, np.uint8)
    material[:24] = 1
    material[24:36] = 2
    image = np.zeros((*HW, 3), np.uint8)
    depth = DepthMap(np.ones(HW), np.zeros(HW, bool))
    _, truth, masks = row_of(Sample("a", image, depth, masks={"material": material, "instance": material}))
    assert truth.text == "no depth"
    assert masks.text == "transparent 50%, mirror 25%"
    assert len({tuple(masks.picture[y, 0]) for y in (0, 30, 40)}) == 3
    assert row_of(Sample("a", image))[2] == Tile(None, "no masks")
