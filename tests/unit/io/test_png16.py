"""Sixteen-bit PNG: the header recovers the floats within half a step, and nothing overflows in silence."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.io import png16
from leadline.io.depth import read_depth, read_header, write_depth

KINDS = [str(Kind(quantity, ambiguity)) for quantity in Quantity for ambiguity in Ambiguity]


def raw(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@settings(deadline=None)  # files on a busy machine
@given(
    values=hnp.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    valid=hnp.arrays(bool, (3, 4)),
    kind=st.sampled_from(KINDS),
)
def test_any_map_comes_back_within_half_a_step(tmp_path_factory, values, valid, kind):
    path = tmp_path_factory.getbasetemp() / "any.png"
    depth = DepthMap(values, valid, kind)
    write_depth(path, depth)
    back = read_depth(path)
    step = float(read_header(path)["scale"])
    assert back.kind == depth.kind
    np.testing.assert_array_equal(back.valid, depth.valid)
    # A value between count 0 and half a step above it becomes count 1, because count 0 is "no measurement".
    lowest_count = float(read_header(path)["offset"]) + step
    expected = np.where(depth.valid, np.maximum(depth.values.astype(np.float64), lowest_count), 0)
    rounding = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)  # of the float32 that is returned
    assert (np.abs(back.values - expected) <= step / 2 * (1 + 1e-9) + rounding).all()


@settings(deadline=None)  # files on a busy machine
@given(scale=st.floats(1e-6, 1e3), count=st.integers(1, 65535))
def test_an_explicit_scale_is_what_one_count_is_worth(tmp_path_factory, scale, count):
    path = tmp_path_factory.getbasetemp() / "scale.png"
    write_depth(path, DepthMap([[count * scale]]), scale=scale)
    assert raw(path).tolist() == [[count]]
    assert read_depth(path).values[0, 0] == pytest.approx(count * scale, rel=1e-6)


def test_metric_depth_is_in_millimetres(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap([[1.234, 65.535]], [[True, True]]))
    assert raw(tmp_path / "a.png").tolist() == [[1234, 65535]]
    assert float(read_header(tmp_path / "a.png")["scale"]) == 0.001


@pytest.mark.parametrize(("farthest", "step"), [(65.535, 0.001), (65.6, 0.002), (200, 0.005), (655.35, 0.01), (1e6, 20.0)])
def test_metric_depth_that_reaches_farther_gets_the_next_round_step(tmp_path, farthest, step):
    write_depth(tmp_path / "a.png", DepthMap([[farthest / 3, farthest]]))
    assert float(read_header(tmp_path / "a.png")["scale"]) == pytest.approx(step)
    np.testing.assert_allclose(read_depth(tmp_path / "a.png").values, [[farthest / 3, farthest]], atol=step / 2 * 1.001)


@pytest.mark.parametrize(("largest", "step"), [(255.9, 1 / 256), (256, 1 / 128), (1000, 1 / 64)])
def test_pixel_disparity_has_steps_of_powers_of_two(tmp_path, largest, step):
    write_depth(tmp_path / "a.png", DepthMap([[largest]], kind="pixel_disparity/metric"))
    assert float(read_header(tmp_path / "a.png")["scale"]) == step


def test_relative_maps_use_all_counts(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap([[-3.0, 7.0, 2.0, 9.0]], [[1, 1, 1, 0]], "disparity/affine_invariant"))
    counts = raw(tmp_path / "a.png")
    assert counts[0, [0, 1, 3]].tolist() == [1, 65535, 0]


@pytest.mark.parametrize("value", [0.0, -2.5, 1e-30, 7.0])
def test_a_constant_relative_map_comes_back(tmp_path, value):
    write_depth(tmp_path / "a.png", DepthMap(np.full((2, 2), value), kind="disparity/affine_invariant"))
    np.testing.assert_allclose(read_depth(tmp_path / "a.png").values, value, rtol=1e-6)


def test_a_map_without_any_measurement_comes_back(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap(np.ones((2, 3)), np.zeros((2, 3), bool)))
    assert not read_depth(tmp_path / "a.png").valid.any()


def test_a_measurement_just_above_zero_stays_valid(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap([[0.0001, 2.0]]))
    back = read_depth(tmp_path / "a.png")
    assert back.valid.all()
    assert back.values[0, 0] == pytest.approx(0.001)


def test_an_explicit_scale_that_overflows_names_the_largest_value(tmp_path):
    with pytest.raises(LeadlineError, match=r"values from 1 to 70 m at 0.001 a step: expected 0 to 65.535"):
        write_depth(tmp_path / "a.png", DepthMap([[1.0, 70.0]]), scale=0.001)
    assert list(tmp_path.iterdir()) == []


def test_invalid_pixels_do_not_overflow(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap([[1.0, 70.0]], [[True, False]]), scale=0.001)
    assert raw(tmp_path / "a.png").tolist() == [[1000, 0]]


def test_negative_values_do_not_wrap_around(tmp_path):
    with pytest.raises(LeadlineError, match="values from -1 to 1 m"):
        write_depth(tmp_path / "a.png", DepthMap([[1.0, -1.0]]), scale=0.001)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "scale 0.0: expected a positive"),
        ({"scale": float("nan")}, "scale nan"),
        ({"scale": 0.1, "convention": "kitti"}, "give one of them"),
        ({"level": 11}, "compression level 11"),
        ({"convention": "kitty"}, "unknown depth convention 'kitty': expected one of kitti"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, message):
    with pytest.raises(LeadlineError, match=message):
        write_depth(tmp_path / "a.png", DepthMap([[1.0]]), **options)


def test_values_are_finer_with_a_table_than_in_float32_arithmetic(tmp_path):
    depth = DepthMap(np.linspace(1000, 1001, 3000).reshape(30, 100), kind="depth/affine_invariant")
    png16.write(tmp_path / "a.png", depth)
    assert np.abs(read_depth(tmp_path / "a.png").values - depth.values).max() <= np.spacing(np.float32(1001))
