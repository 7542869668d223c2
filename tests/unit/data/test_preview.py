import cv2
import numpy as np
import pytest

from leadline.data.contact_sheet import TEXT_HEIGHT, Tile, compose
from leadline.data.datasets.ordinal_sample import CLOSER, EQUAL, FARTHER, OrdinalSample
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.preview import MOST_PAIRS, PAIR_COLOURS, picture_of, row_of, thickened, write_contact_sheet
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
    assert sheet.shape == (206 + TEXT_HEIGHT, 6 * 280, 3)  # three samples of two tiles a line: there are no masks
    assert [int(sheet[100, x, 0]) for x in (140, 700, 1260)] == [10, 40, 70]  # the second, the fifth and the eighth of nine
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


def test_masks_are_named_and_classes_have_their_shares():
    material = np.zeros(HW, np.uint8)
    material[:24] = 1
    material[24:36] = 2
    image = np.zeros((*HW, 3), np.uint8)
    depth = DepthMap(np.ones(HW), np.zeros(HW, bool))
    _, truth, masks = row_of(Sample("a", image, depth, masks={"material": material, "instance": material}))
    assert truth.text == "no depth"
    assert masks.text == "transparent 50%, mirror 25%, instance"
    assert len({tuple(masks.picture[y, 0]) for y in (0, 30, 40)}) == 3
    assert row_of(Sample("a", image))[2] == Tile(None, "no masks")


def stereo_pair(**fields):
    image = np.full((*HW, 3), 50, np.uint8)
    disparity = DepthMap(np.linspace(1, 9, 48 * 64).reshape(HW), kind="pixel_disparity/metric")
    return StereoPair("pair", image, disparity, right=image + 100, **fields)


def test_a_stereo_pair_shows_both_pictures_and_its_baseline():
    left, right, truth, masks = row_of(stereo_pair(baseline_m=0.25))
    assert (left.picture[0, 0, 0], right.picture[0, 0, 0]) == (50, 150)
    assert right.text == "right, baseline 0.25 m"
    assert truth.text == "pixel_disparity/metric  1 to 9 px, 100% valid"
    assert masks.picture is None
    assert row_of(stereo_pair())[1].text == "right"


def test_stereo_pairs_make_a_sheet_with_a_column_for_the_right_picture(tmp_path):
    for name in ("im2", "im6", "disp2", "disp6"):
        (tmp_path / "cones").mkdir(exist_ok=True)
        picture = np.full((*HW, 3) if name.startswith("im") else HW, 60 if name == "im2" else 120, np.uint8)
        cv2.imwrite(str(tmp_path / f"cones/{name}.png"), picture)
    write_contact_sheet(tmp_path, tmp_path / "sheet.png", "middlebury2003")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[1] == 3 * 280  # left, right and truth
    assert (sheet[100, 140, 0], sheet[100, 420, 0]) == (60, 120)


def ordinal_sample(relations, **fields):
    n = len(relations)
    xy_a = np.column_stack([np.full(n, 10.5), 5.5 + 8 * np.arange(n) % 40])
    xy_b = xy_a + np.array([40, 0])
    image = np.full((*HW, 3), 100, np.uint8)
    relation = np.array(relations, np.int8)
    return OrdinalSample("p", image, xy_a=xy_a, xy_b=xy_b, relation=relation, weight=np.ones(n), **fields)


def test_the_points_of_a_pair_are_marked_where_they_lie_and_by_which_is_closer():
    """In the pixel with index i, whose centre is i + 0.5: (10, 5) and (50, 5), and eight rows further down for each pair."""
    picture = row_of(ordinal_sample([CLOSER, FARTHER, EQUAL]))[1].picture
    for row, first, second in ((5, CLOSER, FARTHER), (13, FARTHER, CLOSER), (21, EQUAL, EQUAL)):
        assert tuple(picture[row, 10]) == PAIR_COLOURS[first]
        assert tuple(picture[row, 50]) == PAIR_COLOURS[second]
        assert picture[row, 30].min() > 200  # the line between them
    assert tuple(picture[40, 30]) == (50, 50, 50)  # the picture, darkened


def test_pairs_are_counted_with_the_class_of_the_picture_and_of_many_some_are_drawn():
    assert row_of(ordinal_sample([CLOSER], scene_type="indoor"))[1].text == "1 pair: yellow is closer, blue farther  indoor"
    text = row_of(ordinal_sample([CLOSER] * (MOST_PAIRS + 3)))[1].text
    assert text == f"{MOST_PAIRS + 3} pairs, {MOST_PAIRS} shown: yellow is closer, blue farther"


def test_pairs_of_points_make_a_sheet(tmp_path):
    (tmp_path / "DIW_test").mkdir()
    cv2.imwrite(str(tmp_path / "abc.png"), np.full((*HW, 3), 100, np.uint8))
    (tmp_path / "abc.png").rename(tmp_path / "DIW_test/abc.thumb")
    # Row and column, counted from 1, of two points, of which the first is farther.
    (tmp_path / "DIW_test.csv").write_text("./DIW_test/abc.thumb\n24,11,24,51,>,64,48\n")
    write_contact_sheet(tmp_path, tmp_path / "sheet.png", "diw")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    assert sheet.shape == (206 + TEXT_HEIGHT, 2 * 280, 3)
    pairs = sheet[:206, 280:].astype(int)
    x = {side: np.nonzero((np.abs(pairs - PAIR_COLOURS[side]) < 8).all(axis=2))[1].mean() for side in (CLOSER, FARTHER)}
    scale = 206 / 48  # from the picture to the tile
    left = (280 - 64 * scale) / 2
    assert x[FARTHER] == pytest.approx(left + 10.5 * scale, abs=3)
    assert x[CLOSER] == pytest.approx(left + 50.5 * scale, abs=3)


def test_near_is_bright_whatever_the_numbers_are():
    near_first = np.tile(np.linspace(1, 9, 64), (48, 1))
    for kind, values in (
        ("depth/metric", near_first),
        ("disparity/metric", 1 / near_first),
        ("disparity/ordinal", -near_first),
    ):
        brightness = picture_of(DepthMap(values, kind=kind)).astype(int).sum(axis=2)
        assert brightness[:, 0].mean() > 2 * brightness[:, -1].mean(), kind
