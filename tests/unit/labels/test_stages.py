"""What a picture of a label job goes through: sky, filters, numbers, encoding."""

import time

import numpy as np
import pytest

from leadline import read_depth
from leadline.depth_map import METRIC_DEPTH, METRIC_DISPARITY, RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.labels.options import LabelOptions
from leadline.labels.stages import encode_label, flip_difference, statistics, with_sky


def random_map(seed=0, hw=(20, 30), low=-3.0, high=9.0, kind=RELATIVE_DISPARITY):
    return DepthMap(np.random.default_rng(seed).uniform(low, high, hw), kind=kind, source="test")


SKY = np.zeros((20, 30), bool)
SKY[:6] = True


def test_sky_of_a_disparity_is_0_and_nothing_else_is_farther():
    depth = random_map()
    label = with_sky(depth, SKY)
    assert (label.values[SKY] == 0).all()
    assert label.values[~SKY].min() == 0
    np.testing.assert_allclose(np.diff(label.values[~SKY]), np.diff(depth.values[~SKY]), atol=1e-5)  # shifted, not bent


def test_sky_leaves_a_disparity_that_is_positive_elsewhere_where_it_was():
    for kind in (RELATIVE_DISPARITY, METRIC_DISPARITY):
        depth = random_map(low=1, kind=kind)
        label = with_sky(depth, SKY)
        np.testing.assert_array_equal(label.values, np.where(SKY, 0, depth.values))


def test_sky_has_no_depth():
    label = with_sky(random_map(low=1, kind=METRIC_DEPTH), SKY)
    np.testing.assert_array_equal(label.valid, ~SKY)


def test_a_sky_mask_of_another_size_is_brought_to_the_labels():
    np.testing.assert_array_equal(with_sky(random_map(low=1), np.kron(SKY, np.ones((2, 2))) > 0).values == 0, SKY)
    depth = random_map()
    assert with_sky(depth, np.zeros((5, 5), bool)) is depth


def test_maps_equal_up_to_scale_and_shift_do_not_differ_and_unrelated_ones_do():
    depth = random_map()
    assert flip_difference(depth, DepthMap(3 * depth.values + 7, kind=depth.kind)) < 1e-6
    assert flip_difference(depth, random_map(1)) > 0.7
    flat = DepthMap(np.ones((20, 30)), kind=depth.kind)
    assert flip_difference(flat, flat) == 0
    nothing = DepthMap(np.ones((20, 30)), np.zeros((20, 30), bool), kind=depth.kind)
    assert flip_difference(nothing, depth) == 0


def test_flip_difference_is_that_of_the_definition_at_pixels_valid_in_both():
    one, other = random_map(2), random_map(3)
    valid = np.random.default_rng(4).random((20, 30)) > 0.3
    other = DepthMap(other.values, valid, other.kind)

    def normalised(values):
        middle = np.median(values)
        return (values - middle) / np.mean(np.abs(values - middle))

    a, b = normalised(one.values[valid].astype(float)), normalised(other.values[valid].astype(float))
    assert flip_difference(one, other) == pytest.approx(np.abs(a - b).mean())


def test_statistics_speak_of_valid_pixels_alone():
    values = np.arange(1.0, 101.0).reshape(10, 10)
    valid = values > 50
    facts = statistics(DepthMap(np.where(valid, values, np.nan), kind=RELATIVE_DISPARITY))
    assert (facts["lowest"], facts["highest"], facts["mean"], facts["median"]) == (51, 100, 75.5, 75.5)
    assert facts["valid_share"] == 0.5
    assert facts["spread"] == pytest.approx((np.percentile(values[valid], 98) - np.percentile(values[valid], 2)) / 99.02)
    assert statistics(DepthMap(np.full((3, 3), np.nan)))["valid_share"] == 0


def test_a_map_of_one_value_has_no_spread():
    assert statistics(DepthMap(np.full((3, 3), 7.0)))["spread"] == 0
    assert statistics(DepthMap(np.zeros((3, 3)), kind=RELATIVE_DISPARITY))["spread"] == 0


@pytest.mark.parametrize("write", ["png16", "npz"])
@pytest.mark.parametrize("kind", [RELATIVE_DISPARITY, METRIC_DEPTH])
def test_a_label_reads_back_as_it_was_and_has_the_same_bytes_each_time(tmp_path, monkeypatch, write, kind):
    depth = random_map(kind=kind)
    depth = DepthMap(depth.values, depth.values > -2, kind, source="test")
    data = encode_label(depth, write)
    path = tmp_path / f"a.depth.{'png' if write == 'png16' else 'npz'}"
    path.write_bytes(data)
    back = read_depth(path)
    assert (back.kind, back.source) == (kind, "test")
    np.testing.assert_array_equal(back.valid, depth.valid)
    np.testing.assert_allclose(back.values, depth.values, atol=12 / 65534 if write == "png16" else 5e-3)
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert encode_label(depth, write) == data


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_a_label_of_one_value_can_be_stored(tmp_path, value):
    path = tmp_path / "a.png"
    path.write_bytes(encode_label(DepthMap(np.full((4, 5), value), kind=RELATIVE_DISPARITY), "png16"))
    np.testing.assert_allclose(read_depth(path).values, value)


@pytest.mark.parametrize(
    "wrong", [{"size": "huge"}, {"write": "jpg"}, {"images": "all"}, {"duplicate_bits": 64}, {"min_spread": 1.5}]
)
def test_options_out_of_range_are_one_line(wrong):
    with pytest.raises(LeadlineError, match=r"expected") as caught:
        LabelOptions(**wrong)
    assert str(next(iter(wrong.values()))) in str(caught.value)
