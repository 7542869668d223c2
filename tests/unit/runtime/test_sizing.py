from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.depth_map import RELATIVE_DISPARITY
from leadline.predictor import ModelCard
from leadline.runtime.sizing import MOST_TIMES_INPUT_SIZE, fitted_hw, network_hw, network_input, resize_map, resize_picture

LONGER = ModelCard("a.b", RELATIVE_DISPARITY, size_multiple=32, input_size=384)
SHORTER = replace(LONGER, resize_side="shorter", size_multiple=14, input_size=518)
AREA = replace(LONGER, resize_side="area", input_size=288)


def test_known_sizes():
    assert network_hw((3000, 4000), LONGER) == (288, 384)
    assert network_hw((4000, 3000), LONGER) == (384, 288)
    assert network_hw((3000, 4000), SHORTER) == (518, 686)  # as transformers' processor of Depth Anything has it
    assert network_hw((1, 1), LONGER) == (384, 384)
    assert network_hw((480, 640), AREA) == (256, 320)
    assert network_hw((375, 1242), AREA) == (160, 512)  # nearly as many pixels


def test_lines_of_pixels_get_one_multiple_and_a_cap():
    assert network_hw((3, 20000), LONGER) == (32, 384)
    assert network_hw((20000, 3), LONGER) == (384, 32)
    assert network_hw((3, 20000), SHORTER) == (14, MOST_TIMES_INPUT_SIZE * 518)
    assert network_hw((3, 20000), AREA) == (32, MOST_TIMES_INPUT_SIZE * 288)


@given(st.integers(1, 12000), st.integers(1, 12000), st.sampled_from([LONGER, SHORTER, AREA]))
def test_aspect_ratios_change_by_rounding_alone(height, width, card):
    net = network_hw((height, width), card)
    multiple = card.size_multiple
    assert all(n % multiple == 0 and n >= multiple for n in net)
    assert max(net) <= MOST_TIMES_INPUT_SIZE * card.input_size
    length = {"longer": max, "shorter": min, "area": lambda h, w: (h * w) ** 0.5}[card.resize_side]
    wanted = card.input_size / length(height, width)
    scale = min(wanted, MOST_TIMES_INPUT_SIZE * card.input_size / max(height, width))
    for n, full in zip(net, (height, width), strict=True):
        assert abs(n - full * scale) <= multiple / 2 or n == multiple


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_fitted_picture_fills_its_frame_along_one_side(height, width):
    h, w = fitted_hw((height, width), (256, 320))
    assert h == 256 or w == 320
    assert 1 <= h <= 256
    assert 1 <= w <= 320


def test_resizing_keeps_edges_on_edges():
    """A ramp by pixel centres stays one; align_corners, the wrong reading, would stretch it over the border's half pixels."""
    coarse = (np.arange(8, dtype=np.float32) + 0.5) / 8
    fine = resize_map(np.tile(coarse, (4, 1)), (4, 64))[0]
    np.testing.assert_allclose(fine[4:-4], ((np.arange(64) + 0.5) / 64)[4:-4], atol=1e-6)
    back = resize_map(np.tile((np.arange(64, dtype=np.float32) + 0.5) / 64, (4, 1)), (4, 8))[0]
    np.testing.assert_allclose(back, coarse, atol=1e-6)


def test_shrinking_averages_even_where_the_other_side_grows():
    """OpenCV's area average turns into an interpolation of few pixels as soon as one side grows."""
    stripes = np.zeros((3, 2000, 3), np.uint8)
    stripes[:, ::2] = 200
    result = resize_picture(stripes, (32, 100))
    assert result.shape == (32, 100, 3)
    np.testing.assert_array_equal(result, 100)


def test_resizing_to_the_same_size_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_picture(pixels, (7, 9)), pixels)


def test_the_network_input_is_normalised_rgb_planes(gradient_photo):
    card = replace(LONGER, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 8.0))
    planes = network_input(gradient_photo, (48, 80), card)
    assert planes.dtype == np.float32
    expected = (gradient_photo.astype(np.float64) - (1, 2, 3)) / (4, 5, 8)
    np.testing.assert_allclose(planes, expected.transpose(2, 0, 1), atol=1e-5)


def test_a_frame_repeats_the_last_row_and_column(gradient_photo):
    card = replace(LONGER, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    planes = network_input(gradient_photo, (48, 80), card, (64, 96))
    assert planes.shape == (3, 64, 96)
    np.testing.assert_array_equal(planes[:, :48, :80], gradient_photo.transpose(2, 0, 1))
    np.testing.assert_array_equal(planes[:, 48:, :80], np.repeat(planes[:, 47:48, :80], 16, axis=1))
    np.testing.assert_array_equal(planes[:, :, 80:], np.repeat(planes[:, :, 79:80], 16, axis=2))


@pytest.mark.parametrize("hw", [(40, 60), (96, 160)])
def test_pictures_shrink_by_area_and_grow_by_cubic(gradient_photo, hw):
    noise = np.random.default_rng(0).integers(0, 256, gradient_photo.shape, dtype=np.uint8)
    method = cv2.INTER_AREA if hw[0] < 48 else cv2.INTER_CUBIC
    np.testing.assert_array_equal(resize_picture(noise, hw), cv2.resize(noise, hw[::-1], interpolation=method))
