"""Procedural textures have the right type, repeat with their seed, tile where they should, and differ."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.data.synthetic import textures


@pytest.mark.parametrize("category", textures.CATEGORIES)
@pytest.mark.parametrize("n", [64, 256])
def test_a_texture_is_uint8_of_the_asked_size_and_repeats_with_its_seed(category: str, n: int) -> None:
    one, two = (textures.random_texture(np.random.default_rng(4), category, n) for _ in range(2))
    assert one.dtype == np.uint8
    assert one.shape == (n, n, 3)
    np.testing.assert_array_equal(one, two)


def test_textures_of_different_seeds_differ() -> None:
    means = [textures.random_texture(np.random.default_rng(k), "wall", 64).mean((0, 1)) for k in range(12)]
    assert np.std(means, axis=0).min() > 10


@pytest.mark.parametrize("cells", [(4, 4), (3, 1), (16, 2)])
def test_noise_spans_zero_to_one_and_tiles(cells: tuple[int, int]) -> None:
    values = textures.noise(np.random.default_rng(0), 128, cells, 3)
    assert values.min() == 0
    assert values.max() == pytest.approx(1)
    for axis in (0, 1):
        seam = np.abs(np.take(values, 0, axis) - np.take(values, -1, axis)).mean()
        assert seam < 2 * np.abs(np.diff(values, axis=axis)).mean() + 1e-3


def test_linear_light_of_mid_grey_is_a_fifth() -> None:
    assert textures.linear((127.5, 255, 0)) == pytest.approx((0.2140, 1.0, 0.0), abs=1e-3)


def test_an_unknown_category_raises() -> None:
    with pytest.raises(KeyError):
        textures.random_texture(np.random.default_rng(0), "no such thing")


def test_a_surface_has_a_plausible_size() -> None:
    for seed in range(20):
        look, repeats_per_metre = textures.surface(np.random.default_rng(seed), "floor", 64)
        assert look.texture is not None
        assert 0.2 < repeats_per_metre < 6
