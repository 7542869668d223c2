from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.data.synthetic.sensor import Sensor, auto_exposure, develop, draw_sensor, roll_off, srgb_encode

CLEAN = Sensor(balance=0.0, full_well=1e9, read_noise=0.0)


def _radiance(seed: int = 0, hw: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 3.0, (*hw, 3)).astype(np.float32)


def test_srgb_encoding_follows_the_standard_at_its_anchors() -> None:
    linear = np.array([0.0, 0.0031308, 0.2140, 1.0, 2.0], np.float32)
    np.testing.assert_allclose(srgb_encode(linear), [0.0, 0.04045, 0.5, 1.0, 1.0], atol=2e-4)


def test_highlights_roll_off_without_a_kink_and_never_reach_above_white() -> None:
    x = np.linspace(0, 8, 8001, dtype=np.float32)
    y = roll_off(x)
    np.testing.assert_array_equal(y[x <= 0.7], x[x <= 0.7])
    assert (np.diff(y) >= 0).all()
    assert y.max() <= 1
    assert np.diff(y, n=2).min() > -1e-4


@pytest.mark.parametrize("brightness", [1e-5, 1.0, 1e6])
def test_auto_exposure_reaches_its_key_whatever_the_brightness(brightness: float) -> None:
    radiance = _radiance() * np.float32(brightness)
    picture = develop(radiance, CLEAN, auto_exposure(radiance, 0.4), np.random.default_rng(0))
    assert abs(picture.mean() / 255 - 0.4) < 0.03


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_black_or_broken_picture_has_no_exposure(value: float) -> None:
    with pytest.raises(ValueError, match="no exposure"):
        auto_exposure(np.full((8, 8, 3), value, np.float32), 0.4)


def test_developing_without_faults_is_the_srgb_code_of_linear_light() -> None:
    grey = np.full((8, 8, 3), 0.2159, np.float32)
    np.testing.assert_array_equal(develop(grey, CLEAN, 1.0, np.random.default_rng(0)), 128)


def test_shot_noise_variance_grows_in_proportion_to_the_light() -> None:
    sensor = replace(CLEAN, full_well=500.0)
    spreads = []
    for light in (0.05, 0.2):
        codes = develop(np.full((200, 200, 3), light, np.float32), sensor, 1.0, np.random.default_rng(0)) / 255
        linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
        spreads.append(linear.std())
        assert linear.mean() == pytest.approx(light, rel=0.02)
    assert spreads[1] / spreads[0] == pytest.approx(2.0, rel=0.1)
    assert spreads[1] == pytest.approx(np.sqrt(0.2 / 500), rel=0.1)


def test_vignetting_darkens_corners_and_not_the_centre() -> None:
    picture = develop(np.full((65, 97, 3), 0.3, np.float32), replace(CLEAN, vignetting=0.5), 1.0, np.random.default_rng(0))
    plain = develop(np.full((65, 97, 3), 0.3, np.float32), CLEAN, 1.0, np.random.default_rng(0))
    assert picture[32, 48, 0] == plain[32, 48, 0]
    assert picture[0, 0, 0] < picture[0, 48, 0] < picture[32, 48, 0]


def test_automatic_balance_removes_a_cast_and_the_gains_bring_one_in() -> None:
    orange = np.full((16, 16, 3), 0.2, np.float32) * np.array([1.4, 1.0, 0.5], np.float32)
    balanced = develop(orange, replace(CLEAN, balance=1.0), 1.0, np.random.default_rng(0))[0, 0].astype(int)
    assert np.ptp(balanced) <= 1
    grey = np.full((16, 16, 3), 0.2, np.float32)
    warm = develop(grey, replace(CLEAN, white_balance=(1.2, 1.0, 0.8)), 1.0, np.random.default_rng(0))[0, 0]
    assert warm[0] > warm[1] > warm[2]


def test_sharpness_raises_and_softness_lowers_local_contrast() -> None:
    edge = np.zeros((16, 32, 3), np.float32) + np.float32(0.1)
    edge[:, 16:] = 0.4
    rows = [develop(edge, replace(CLEAN, sharpness=s), 1.0, np.random.default_rng(0))[8, :, 0] for s in (-0.8, 0.0, 0.8)]
    soft, plain, sharp = (np.abs(np.diff(row.astype(int))).max() for row in rows)
    assert soft < plain < sharp


def test_jpeg_changes_the_picture_a_little() -> None:
    ramp = (np.indices((48, 64)).sum(0)[..., None] / 110 * np.ones(3)).astype(np.float32)
    plain = develop(ramp, CLEAN, 1.0, np.random.default_rng(0)).astype(int)
    packed = develop(ramp, replace(CLEAN, jpeg_quality=80), 1.0, np.random.default_rng(0)).astype(int)
    assert 0 < np.abs(plain - packed).mean() < 4


def test_every_draw_comes_from_the_generator() -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = (develop(_radiance(), draw_sensor(np.random.default_rng(3)), 0.1, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert draw_sensor(np.random.default_rng(1)) != draw_sensor(np.random.default_rng(2))


def test_drawn_cameras_stay_plausible() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        sensor = draw_sensor(rng)
        assert 0.2 < sensor.key < 0.65
        assert 0 <= sensor.vignetting < 0.6
        assert sensor.jpeg_quality is None or 60 <= sensor.jpeg_quality <= 98
