import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leadline.camera import Camera
from leadline.depth_map import (
    METRIC_DEPTH,
    METRIC_DISPARITY,
    PIXEL_DISPARITY,
    RELATIVE_DISPARITY,
    Ambiguity,
    DepthMap,
    Kind,
    Quantity,
    as_numpy,
    replace_map,
)
from leadline.errors import LeadlineError

CAMERA = Camera.from_fov_deg(60, (3, 4))


def depth_map(kind: Kind = METRIC_DEPTH, **more: object) -> DepthMap:
    return DepthMap(np.arange(1, 13, dtype=np.float32).reshape(3, 4), kind=kind, **more)


def test_every_kind_reads_back_what_it_writes() -> None:
    for quantity in Quantity:
        for ambiguity in Ambiguity:
            assert Kind.parse(str(Kind(quantity, ambiguity))) == Kind(quantity, ambiguity)


@pytest.mark.parametrize("text", ["", "depth", "depth/metres", "inverse/metric", "depth/metric/m"])
def test_an_unknown_kind_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(LeadlineError, match=r"pixel_disparity.*affine_invariant"):
        Kind.parse(text)


def test_only_a_metric_map_has_a_unit() -> None:
    assert [Kind(q, Ambiguity.METRIC).unit for q in Quantity] == ["m", "m", "1/m", "px"]
    assert {Kind(q, a).unit for q in Quantity for a in Ambiguity if a is not Ambiguity.METRIC} == {""}


def test_values_become_float32_and_the_kind_may_be_text() -> None:
    made = DepthMap(np.ones((2, 3), np.uint16), kind="disparity/affine_invariant")
    assert made.values.dtype == np.float32
    assert made.kind == RELATIVE_DISPARITY
    assert made.hw == (2, 3)
    assert made.unit == ""


def test_nan_and_infinite_values_become_invalid_zeros() -> None:
    made = DepthMap([[1.0, np.nan], [np.inf, -np.inf]])
    assert made.valid.tolist() == [[True, False], [False, False]]
    assert made.values.tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_a_number_too_large_for_float32_becomes_invalid_without_a_warning() -> None:
    assert DepthMap([[1e300, 1.0]]).valid.tolist() == [[False, True]]


def test_nan_behind_the_mask_never_shows() -> None:
    made = DepthMap([[1.0, np.nan, 7.0]], valid=[[True, False, False]])
    assert made.values.tolist() == [[1.0, 0.0, 0.0]]


def test_the_callers_array_is_copied_and_the_map_is_frozen() -> None:
    mine = np.ones((2, 2), np.float32)
    made = DepthMap(mine)
    mine[:] = 5
    assert made.values.max() == 1
    with pytest.raises(ValueError, match="read-only"):
        made.values[0, 0] = 2
    with pytest.raises(FrozenInstanceError):
        made.kind = RELATIVE_DISPARITY  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "more", "match"),
    [
        (np.ones((1, 2, 3)), {}, "two dimensions"),
        (np.ones(3), {}, "two dimensions"),
        (np.ones((2, 3)), {"valid": np.ones((3, 2))}, "valid mask"),
        (np.ones((2, 3)), {"camera": CAMERA}, "resize or crop the camera"),
        (np.ones((2, 3)), {"kind": "deep"}, "unknown kind"),
    ],
)
def test_what_does_not_fit_is_refused(values: object, more: dict[str, object], match: str) -> None:
    with pytest.raises(LeadlineError, match=match) as caught:
        DepthMap(values, **more)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_replacing_the_kind_keeps_the_rest_and_checks_again() -> None:
    made = depth_map(camera=CAMERA, source="x.v1")
    other = replace(made, kind=METRIC_DISPARITY)
    assert (other.kind, other.source, other.camera) == (METRIC_DISPARITY, "x.v1", CAMERA)
    assert np.array_equal(other.values, made.values)
    with pytest.raises(LeadlineError, match="valid mask"):
        replace_map(made, valid=np.ones((1, 1)))


def test_a_map_survives_pickling_to_a_worker_process_frozen() -> None:
    made = DepthMap([[1.0, 2.0]], [[True, False]], RELATIVE_DISPARITY, Camera.from_fov_deg(50, (1, 2)), "x.v1")
    back = pickle.loads(pickle.dumps(made))
    assert np.array_equal(back.values, made.values)
    assert np.array_equal(back.valid, made.valid)
    assert (back.kind, back.camera, back.source) == (made.kind, made.camera, made.source)
    assert not back.values.flags.writeable
    assert not back.valid.flags.writeable


def test_depth_and_disparity_are_inverses_and_pixels_at_infinity_drop_out() -> None:
    made = DepthMap([[2.0, 4.0, 0.0, -1.0]])
    disparity = made.to_disparity()
    assert disparity.kind == METRIC_DISPARITY
    assert disparity.values.tolist() == [[0.5, 0.25, 0.0, 0.0]]
    assert disparity.valid.tolist() == [[True, True, False, False]]
    assert disparity.to_depth().values.tolist() == [[2.0, 4.0, 0.0, 0.0]]


def test_a_disparity_too_small_to_invert_is_invalid_without_a_warning() -> None:
    assert DepthMap([[1e-45, 1.0]], kind=METRIC_DISPARITY).to_depth().valid.tolist() == [[False, True]]


def test_a_scale_invariant_map_may_be_inverted() -> None:
    made = DepthMap([[2.0]], kind="depth/scale_invariant").to_disparity()
    assert (str(made.kind), made.values.item()) == ("disparity/scale_invariant", 0.5)


@pytest.mark.parametrize("ambiguity", [Ambiguity.AFFINE_INVARIANT, Ambiguity.ORDINAL])
@pytest.mark.parametrize("quantity", list(Quantity))
def test_inverting_an_unknown_shift_raises(quantity: Quantity, ambiguity: Ambiguity) -> None:
    made = depth_map(Kind(quantity, ambiguity), camera=CAMERA)
    far_side = made.to_disparity if quantity in (Quantity.DEPTH, Quantity.RAY_DISTANCE) else made.to_depth
    with pytest.raises(LeadlineError, match=r"shift is unknown.*leadline\.alignment"):
        far_side()


def test_a_ray_distance_of_unknown_shift_does_not_pass_for_depth() -> None:
    with pytest.raises(LeadlineError, match="shift is unknown"):
        depth_map(Kind(Quantity.RAY_DISTANCE, Ambiguity.AFFINE_INVARIANT), camera=CAMERA).to_depth()


def test_a_ray_distance_needs_a_camera_to_become_depth() -> None:
    kind = Kind(Quantity.RAY_DISTANCE, Ambiguity.METRIC)
    with pytest.raises(LeadlineError, match="no camera"):
        depth_map(kind).to_depth()
    depth = depth_map(kind, camera=CAMERA).to_depth()
    assert np.allclose(depth.values * CAMERA.ray_lengths(), depth_map().values)


def test_pixel_disparity_needs_baseline_and_camera_to_become_depth() -> None:
    made = depth_map(PIXEL_DISPARITY, camera=CAMERA)
    with pytest.raises(LeadlineError, match="baseline_m"):
        made.to_depth()
    with pytest.raises(LeadlineError, match="no camera"):
        depth_map(PIXEL_DISPARITY).to_depth(0.1)
    assert np.allclose(made.to_depth(0.1).values, CAMERA.fx * 0.1 / made.values)


def test_a_relative_pixel_disparity_is_a_relative_disparity() -> None:
    made = depth_map(Kind(Quantity.PIXEL_DISPARITY, Ambiguity.AFFINE_INVARIANT)).to_disparity()
    assert made.kind == RELATIVE_DISPARITY


def test_alignment_keeps_invalid_pixels_invalid_whatever_the_shift() -> None:
    made = DepthMap([[1.0, 2.0]], [[True, False]], RELATIVE_DISPARITY).aligned(2.0, 5.0)
    assert made.kind == METRIC_DISPARITY
    assert made.values.tolist() == [[7.0, 0.0]]


def test_nearness_puts_invalid_pixels_with_the_farthest() -> None:
    depth = DepthMap([[1.0, 5.0, 9.0]], [[True, True, False]])
    assert depth.nearness().tolist() == [[-1.0, -5.0, -5.0]]
    relative = DepthMap([[-1.0, -3.0, 9.0]], [[True, True, False]], RELATIVE_DISPARITY)
    assert relative.nearness().tolist() == [[-1.0, -3.0, -3.0]]
    assert DepthMap(np.ones((1, 2)), np.zeros((1, 2))).nearness().tolist() == [[0.0, 0.0]]


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, (3, 4), elements=st.floats(0.125, 1e4, width=32)))
def test_converting_there_and_back_changes_nothing(values: np.ndarray) -> None:
    made = DepthMap(values, camera=CAMERA)
    assert np.allclose(made.to_disparity().to_depth().values, values, rtol=1e-6)


def test_torch_tensors_are_taken_with_gradients_and_in_bfloat16() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([[1.0, 2.0]], requires_grad=True)
    assert DepthMap(tensor, torch.tensor([[True, False]])).values.tolist() == [[1.0, 0.0]]
    assert DepthMap(tensor.bfloat16()).values.tolist() == [[1.0, 2.0]]
    assert as_numpy(torch.ones(2, dtype=torch.float64)).dtype == np.float64
    assert as_numpy(torch.ones(2, dtype=torch.int32)).dtype == np.int32
