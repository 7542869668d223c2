"""Near is bright, missing is grey, and equal colours mean equal numbers."""

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.io.preview import (
    COLORMAPS,
    UNKNOWN_COLOUR,
    colour_table,
    colourise,
    grey_levels,
    make_preview,
    robust_range,
    write_preview,
)

KINDS = [Kind(quantity, ambiguity) for quantity in Quantity for ambiguity in Ambiguity]
RAMP = np.linspace(1, 5, 120 * 160).reshape(120, 160)


def luma(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_near_is_bright_whatever_the_quantity(kind):
    picture = luma(colourise(DepthMap(RAMP, kind=kind)))
    assert (int(picture[-1, -1]) > int(picture[0, 0])) == kind.near_is_large
    assert abs(int(picture[-1, -1]) - int(picture[0, 0])) > 150


@pytest.mark.parametrize("name", [name for name in COLORMAPS if name != "turbo"])
def test_lightness_rises_steadily_along_a_map(name):
    lab = cv2.cvtColor((colour_table(name)[None, 1:] / 255).astype(np.float32), cv2.COLOR_RGB2LAB)[0, :, 0]
    steps = np.diff(cv2.blur(lab[:, None], (1, 9))[4:-4, 0])
    assert steps.min() > 0
    assert steps.max() < 4 * np.median(steps)  # no step that would look like an edge


@pytest.mark.parametrize("name", [name for name in COLORMAPS if name != "grey"])
def test_tables_are_those_of_matplotlib(name):
    matplotlib = pytest.importorskip("matplotlib", reason="has the published tables")
    theirs = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    assert np.abs(colour_table(name)[1:].astype(int) - theirs[1:]).max() <= 2


def test_levels_are_linear_in_the_maps_numbers():
    depth = DepthMap([[1.0, 2.0, 3.0, 4.0, 5.0]], kind="disparity/metric")
    assert grey_levels(depth, (1, 5)).tolist() == [[1, 64, 128, 192, 255]]
    assert grey_levels(DepthMap(depth.values), (1, 5)).tolist() == [[255, 192, 128, 64, 1]]


def test_values_outside_a_fixed_range_take_the_colour_of_its_end():
    assert grey_levels(DepthMap([[-7.0, 1.0, 5.0, 1e30]], kind="disparity/metric"), (1, 5)).tolist() == [[1, 1, 255, 255]]


def test_the_same_number_has_the_same_colour_in_two_maps_of_one_range():
    a = colourise(DepthMap([[1.0, 2.0, 9.0]]), value_range=(0, 10))
    b = colourise(DepthMap([[2.0, 3.0, 4.0]]), value_range=(0, 10))
    assert a[0, 1].tolist() == b[0, 0].tolist()


def test_missing_pixels_are_a_grey_that_the_map_does_not_hold():
    picture = colourise(DepthMap([[1.0, 2.0, 3.0]], [[True, False, True]]))
    assert picture[0, 1].tolist() == [UNKNOWN_COLOUR] * 3
    for name in ("inferno", "magma", "plasma"):
        distance = np.abs(colour_table(name)[1:].astype(int) - UNKNOWN_COLOUR).sum(axis=1)
        assert distance.min() > 30


def test_a_few_wild_values_do_not_use_up_the_colours():
    values = RAMP.copy()
    values[0, :20] = 1e6
    low, high = robust_range(DepthMap(values))
    assert low == pytest.approx(1, abs=0.1)
    assert high == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
def test_constant_and_empty_maps_have_a_range_too(value):
    low, high = robust_range(DepthMap(np.full((4, 4), value)))
    assert low < value < high
    assert robust_range(DepthMap(np.ones((4, 4)), np.zeros((4, 4)))) == (0, 1)


def test_the_few_valid_pixels_of_a_large_sparse_map_are_found():
    values = np.zeros((1500, 1500))
    values[7, 11], values[8, 12] = 3, 4
    assert robust_range(DepthMap(values, values > 0)) == pytest.approx((3, 4), abs=0.02)


@pytest.mark.parametrize("value_range", [(2, 2), (3, 1), (0, float("nan")), (0, float("inf"))])
def test_an_empty_range_is_refused(value_range):
    with pytest.raises(LeadlineError, match="expected low < high"):
        colourise(DepthMap(RAMP), value_range=value_range)


def test_an_unknown_colour_map_lists_the_known_ones():
    with pytest.raises(LeadlineError, match="unknown colour map 'jet': expected one of inferno, magma"):
        colourise(DepthMap(RAMP), colormap="jet")


# --- with photo and legend

PHOTO = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def test_photo_and_map_stand_side_by_side_above_the_legend():
    depth = DepthMap(RAMP)
    preview = make_preview(depth, PHOTO)
    assert preview.shape[1] == 320
    np.testing.assert_array_equal(preview[:120, :160], PHOTO)
    np.testing.assert_array_equal(preview[:120, 160:], colourise(depth))
    legend = preview[120:]
    assert 30 < len(legend) < 90
    assert (legend[0] == 255).all()  # white paper
    assert luma(legend).min() < 60  # with ink


def test_a_wide_photo_stands_above_its_map():
    preview = make_preview(DepthMap(RAMP[:40]), PHOTO[:40], legend=False)
    assert preview.shape == (80, 160, 3)


def test_the_legends_bar_runs_from_near_to_far():
    preview = make_preview(DepthMap(RAMP, np.ones_like(RAMP)), colormap="grey")
    bars = [
        row
        for row in luma(preview[120:])
        if (np.diff(row[20:-20].astype(int)) <= 0).all() and int(row[20]) > int(row[-20]) + 100
    ]
    assert len(bars) >= 10


def test_the_legend_differs_by_kind_and_by_numbers():
    pictures = [make_preview(DepthMap(RAMP, kind=kind))[120:] for kind in ("depth/metric", "depth/scale_invariant")]
    pictures += [make_preview(DepthMap(2 * RAMP, kind="depth/metric"))[120:]]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("hw", [(1, 1), (1, 300), (300, 1), (20, 30), (3, 20000), (300, 60)])
@pytest.mark.parametrize("holes", [False, True])
def test_pictures_of_any_size_get_a_preview(hw, holes):
    values = np.random.default_rng(0).uniform(1, 2, hw)
    preview = make_preview(DepthMap(values, values > 1.3 if holes else None), np.zeros((*hw, 3), np.uint8))
    assert preview.shape[0] >= hw[0]
    assert preview.shape[0] < 2 * hw[0] + 400


def test_max_side_shrinks_photo_and_map():
    assert make_preview(DepthMap(RAMP), PHOTO, max_side=80, legend=False).shape == (60, 160, 3)
    assert make_preview(DepthMap(RAMP), PHOTO, max_side=1000, legend=False).shape == (120, 320, 3)


def test_a_photo_of_another_size_is_resized_to_the_map():
    assert make_preview(DepthMap(RAMP), PHOTO[::2, ::2], legend=False).shape == (120, 320, 3)


def test_png_previews_say_what_they_show(tmp_path):
    write_preview(tmp_path / "a.preview.png", DepthMap(RAMP, source="leadline-s.v1"), PHOTO, value_range=(1, 4.5))
    with Image.open(tmp_path / "a.preview.png") as image:
        assert image.mode == "RGB"
        assert {**image.text, "software": ""} == {
            "kind": "depth/metric", "unit": "m", "source": "leadline-s.v1", "software": "",
            "range": "1 4.5", "colormap": "inferno",
        }  # fmt: skip
        np.testing.assert_array_equal(np.asarray(image), make_preview(DepthMap(RAMP), PHOTO, value_range=(1, 4.5)))


def test_the_plain_grey_picture_has_one_channel_of_eight_bits(tmp_path):
    depth = DepthMap(RAMP, kind="disparity/affine_invariant")
    write_preview(tmp_path / "a.png", depth, colormap="grey", legend=False)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED), grey_levels(depth))


def test_jpeg_previews_have_their_colours_the_right_way_round(tmp_path):
    write_preview(tmp_path / "a.jpg", DepthMap(RAMP), legend=False)
    with Image.open(tmp_path / "a.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - colourise(DepthMap(RAMP))).mean() < 4


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(LeadlineError, match=r"expected a name that ends in \.png or \.jpg"):
        write_preview(tmp_path / "a.gif", DepthMap(RAMP))
    assert list(tmp_path.iterdir()) == []
