"""Whether one number is enough: R2, slopes, ratios, and what the number costs."""

import numpy as np
import pytest

from leadline import DepthMap
from leadline.depth_map import Quantity
from leadline.errors import LeadlineError
from leadline.scale.hints import fit_images
from leadline.scale.linearity import analyse, r_squared, transfer
from leadline.scale.observations import Observations
from leadline.scale.points import observe, points_of_map
from leadline.scale.report import write_linearity_report


def image(scale, shift=0.0, noise=0.0, seed=0, size=400):
    rng = np.random.default_rng(seed)
    pred = rng.uniform(1, 6, size)
    return Observations(pred, scale * pred + shift + noise * rng.standard_normal(size), np.zeros(size, int), Quantity.DEPTH)


def test_r_squared_is_the_squared_correlation():
    seen = image(2, 1, 0.8)
    assert r_squared(seen.pred, seen.target) == pytest.approx(np.corrcoef(seen.pred, seen.target)[0, 1] ** 2)
    assert r_squared(np.ones(5), np.arange(5.0)) == 0


def test_one_slope_for_all_images_is_linear_and_two_slopes_are_not():
    one = analyse([(str(k), image(3, seed=k)) for k in range(6)], ["least_squares"])
    assert one.r2 == pytest.approx(1)
    assert one.r2_origin == pytest.approx(1)
    assert one.ratio_spread == pytest.approx(0, abs=1e-9)
    two = analyse([(str(k), image(3 + 3 * (k % 2), seed=k)) for k in range(6)], ["least_squares"])
    assert all(line.r2 == pytest.approx(1) for line in two.images)
    assert two.r2 < 0.85
    assert two.ratio_spread > 0.3
    assert sorted({round(line.slope, 6) for line in two.images}) == [3, 6]


def test_a_shift_shows_in_the_line_through_the_origin():
    found = analyse([("a", image(1, 5))], ["theil_sen"])
    assert found.r2 == pytest.approx(1)
    assert found.r2_origin < 0.5
    assert found.images[0].shift == pytest.approx(5)


def test_the_price_of_one_scalar_is_that_of_the_images_own_scales():
    images = [("a", image(2)), ("b", image(4))]
    moved = transfer(images, 3.0)
    assert moved.per_image == pytest.approx(0, abs=1e-12)
    assert moved.abs_rel == pytest.approx((0.5 + 0.25) / 2)
    assert moved.price == pytest.approx(0.375)


def test_nothing_to_analyse_is_refused():
    with pytest.raises(LeadlineError):
        analyse([])
    with pytest.raises(LeadlineError, match="no image"):
        transfer([], 1.0)
    with pytest.raises(LeadlineError, match="known up to scale"):
        transfer([("a", image(1)._replace(space=Quantity.DISPARITY))], 1.0)


def test_the_report_has_its_plot_its_factors_and_a_row_for_each_image(tmp_path):
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    truths = [DepthMap(rng.uniform(1, 5, (20, 30))) for _ in range(7)]
    halves = [DepthMap(truth.values / 2, None, "depth/scale_invariant") for truth in truths]
    triples = [(f"i{k}", half, points_of_map(truth)) for k, (half, truth) in enumerate(zip(halves, truths, strict=True))]
    factor = fit_images(triples)
    seen = [(name, observe(half, points)[0]) for name, half, points in triples]
    path = write_linearity_report(tmp_path / "r", analyse(seen, pixels=100, resamples=12), factor, transfer(seen, factor.scale))
    text = path.read_text()
    assert "one line fits all images" in text
    assert "| theil_sen | 2 | 2 to 2 |" in text
    assert all(f"| i{k} | 1.000" in text for k in range(7))
    assert (tmp_path / "r" / "linearity.png").stat().st_size > 5000
