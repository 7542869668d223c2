import numpy as np
import pytest

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity
from leadline.runtime.mutual_fit import fit_mutually
from leadline.runtime.stabilise import CutDetector, RangeSmoother, ScaleSmoother


def scene(h=60, w=80, shift=0):
    y, x = np.mgrid[0:h, 0:w]
    return (2 + np.sin((x + shift) / 9) + y / h).astype(np.float32)


def flickering(frames, kind=RELATIVE_DISPARITY, move=0, noise=0.0, shifts=True, seed=0):
    rng = np.random.default_rng(seed)
    for i in range(frames):
        truth = scene(shift=i * move)
        values = truth * rng.uniform(0.7, 1.4) + (rng.uniform(-0.5, 0.5) if shifts else 0)
        yield truth, DepthMap(values + rng.normal(0, noise, truth.shape) if noise else values, kind=kind)


def flicker(maps, truths):
    """How much scale varies from frame to frame, once the truth's own variation is divided out."""
    scales = [np.std(m) / np.std(t) for m, t in zip(maps, truths, strict=True)]
    return np.abs(np.diff(np.log(scales))).mean()


@pytest.mark.parametrize("move", [0, 1])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_flicker_goes_and_contrast_stays(move, noise):
    truths, raw = zip(*flickering(60, move=move, noise=noise), strict=True)
    smoother = ScaleSmoother()
    steady = [smoother(depth, 1 / 30).values for depth in raw]
    assert flicker(steady, truths) < 0.15 * flicker([d.values for d in raw], truths)
    # One-way regressions would have flattened the maps by the end.
    assert 0.6 < np.std(steady[-1]) / np.std(steady[0]) < 1.6


def test_scale_invariant_maps_keep_their_zero():
    kind = Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT)
    smoother = ScaleSmoother()
    for truth, depth in flickering(10, kind, shifts=False):
        steady = smoother(depth, 1 / 30)
        assert steady.kind == kind
        ratio = steady.values / truth
        assert np.ptp(ratio) < 1e-4 * ratio.mean()


def test_metric_maps_pass_unchanged():
    smoother = ScaleSmoother()
    for _, depth in flickering(5, METRIC_DEPTH):
        assert smoother(depth, 1 / 30) is depth


def test_adjustments_fade_after_some_seconds():
    smoother = ScaleSmoother(time_constant_s=2)
    truth = scene()
    smoother(DepthMap(3 * truth, kind=RELATIVE_DISPARITY), 0)
    for _ in range(50):  # ten seconds of a network that has made up its mind
        steady = smoother(DepthMap(truth, kind=RELATIVE_DISPARITY), 1 / 5)
    np.testing.assert_allclose(steady.values, truth, rtol=0.05)


def test_after_a_reset_the_networks_own_numbers_count():
    smoother = ScaleSmoother()
    first, second = (depth for _, depth in flickering(2))
    smoother(first, 0)
    smoother.reset()
    assert smoother(second, 1 / 30) is second


def test_an_all_invalid_frame_does_no_harm():
    smoother = ScaleSmoother()
    (_, first), (_, last) = flickering(2)
    smoother(first, 0)
    empty = DepthMap(np.zeros((60, 80)), np.zeros((60, 80), bool), RELATIVE_DISPARITY)
    assert smoother(empty, 1 / 30) is empty
    assert np.isfinite(smoother(last, 1 / 30).values).all()


def test_a_mutual_fit_has_no_slope_bias_where_a_regression_has():
    from leadline.alignment import fit_robust_scale_shift

    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 4000)
    pred, target = truth + rng.normal(0, 0.5, 4000), 2 * (truth + rng.normal(0, 0.5, 4000)) + 1
    valid = np.ones(4000, bool)
    fit = fit_mutually(pred, target, valid)
    assert fit.scale == pytest.approx(2, rel=0.05)
    assert fit.shift == pytest.approx(1, abs=0.1)
    assert fit_robust_scale_shift(pred, target, valid).scale < 1.75


def picture(seed, shift=0):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (6, 12, 3)).repeat(20, axis=0).repeat(20, axis=1).astype(np.uint8)
    return np.roll(blocks, shift, axis=1)


def test_a_cut_is_found_and_a_pan_is_not():
    is_cut = CutDetector()
    pan = [is_cut(picture(0, shift=4 * i)) for i in range(20)]
    assert pan == [False] * 20
    assert is_cut(picture(1))
    assert [is_cut(picture(1, shift=2 * i)) for i in range(5)] == [False] * 5


def test_colours_follow_slowly_and_start_afresh_after_a_reset():
    smoother = RangeSmoother(time_constant_s=1)
    truth = scene()
    low, high = smoother(DepthMap(truth, kind=RELATIVE_DISPARITY), 0)
    bright = DepthMap(truth + 10, kind=RELATIVE_DISPARITY)
    after = smoother(bright, 1 / 30)
    assert low < after[0] < low + 0.4
    for _ in range(150):
        after = smoother(bright, 1 / 30)
    assert after == pytest.approx((low + 10, high + 10), abs=0.1)
    smoother.reset()
    assert smoother(DepthMap(truth, kind=RELATIVE_DISPARITY), 1 / 30) == (low, high)
