"""A factor applied, written, read, and where it warns."""

import json

import numpy as np
import pytest

from leadline import Camera, DepthMap, LeadlineError
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, Kind, Quantity
from leadline.scale.estimators import HeldOut, Interval
from leadline.scale.factor import Factor, read_factor, write_factor

FACTOR = Factor(
    2.0, -0.5, Quantity.DISPARITY, RELATIVE_DISPARITY, "points", 5, 5, ("a",), "net.v1", 1.0,
    Interval((1.9, 2.1), (-0.6, -0.4)), HeldOut(5, 0.1, 0.08, 0.2, 0.4), False, ("a note",), ("a doubt",),
)  # fmt: skip


def relative(values, **more):
    return DepthMap(np.array([values]), None, RELATIVE_DISPARITY, **more)


def test_a_fitted_disparity_is_inverted_and_what_is_not_positive_has_no_value():
    metric = FACTOR.apply(relative([0.5, 0.25, 0.2, 1.0]))
    assert metric.kind == METRIC_DEPTH
    assert metric.valid.tolist() == [[True, False, False, True]]
    np.testing.assert_allclose(metric.values, [[2, 0, 0, 1 / 1.5]])


def test_a_cap_gives_the_far_pixels_its_distance():
    np.testing.assert_allclose(FACTOR.apply(relative([0.5, 0.25, 0.26]), cap_m=10).values, [[2, 10, 10]])
    depth = DepthMap(np.array([[1.0, 9.0]]), None, "depth/scale_invariant")
    factor = Factor(2.0, 0.0, Quantity.DEPTH, depth.kind, "points", 1, 1)
    assert factor.apply(depth, cap_m=10).values.tolist() == [[2, 10]]
    with pytest.raises(LeadlineError, match="cap -1"):
        FACTOR.apply(relative([1.0]), cap_m=-1)


def test_a_map_of_another_kind_is_refused():
    with pytest.raises(LeadlineError, match="can't be applied to a depth/metric"):
        FACTOR.apply(DepthMap(np.ones((1, 1))))


def test_a_factor_survives_its_file(tmp_path):
    write_factor(tmp_path / "f.json", FACTOR)
    assert read_factor(tmp_path / "f.json") == FACTOR
    bare = Factor(2.0, 0.0, Quantity.DEPTH, Kind.parse("depth/scale_invariant"), "points", 1, 1)
    write_factor(tmp_path / "g.json", bare)
    assert read_factor(tmp_path / "g.json") == bare


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "other"}'])
def test_what_is_no_factor_is_refused(tmp_path, text):
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(LeadlineError, match="not a factor"):
        read_factor(tmp_path / "f.json")


def test_a_negative_scale_in_a_file_is_refused(tmp_path):
    data = {**json.loads(FACTOR.to_json()), "scale": -1}
    (tmp_path / "f.json").write_text(json.dumps(data))
    with pytest.raises(LeadlineError, match="expected a positive scale"):
        read_factor(tmp_path / "f.json")
    with pytest.raises(LeadlineError, match="can't read the factor"):
        read_factor(tmp_path / "none.json")


def test_another_model_view_or_picture_is_cautioned():
    camera = Camera.from_focal_px(8.0, (1, 8))
    same = relative(np.ones(8), camera=camera, source="net.v1")
    assert FACTOR.cautions(same, "a") == []
    assert "of other.v2" in FACTOR.cautions(relative(np.ones(8), camera=camera, source="other.v2"), "a")[0]
    assert "guess for b" in FACTOR.cautions(same, "b")[0]
    wide = relative(np.ones(8), camera=Camera.from_focal_px(4.0, (1, 8)), source="net.v1")
    assert "field of view" in FACTOR.cautions(wide, "a")[0]


def test_the_text_says_factor_interval_residuals_and_doubts():
    text = str(FACTOR)
    for part in ("scale 2 1/m", "1.9 to 2.1", "shift -0.5", "AbsRel 0.100", "without the map 0.400", "DOUBT: a doubt"):
        assert part in text
