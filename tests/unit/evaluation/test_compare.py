"""Refusals, the interval against a slow twin and against known truths, and what is said about it."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.reference import bootstrap as slow

from leadline.errors import LeadlineError
from leadline.evaluation.bootstrap import iter_draw_counts, percentile_interval, resampled_differences
from leadline.evaluation.compare import compare
from leadline.evaluation.direction import direction_of
from leadline.evaluation.pooled_draws import pooled_draws
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.registry import all_protocols
from leadline.evaluation.result import DatasetRecord, ModelRecord, Result, Row
from leadline.evaluation.runner import version_of
from leadline.metrics.depth import depth_metrics
from leadline.metrics.log_error import LOG_ERRORS
from leadline.metrics.stereo import stereo_metrics

NAMES = ("a.json", "b.json")
PROTOCOL = Protocol("test", 10.0)
POOLED = Protocol("test", 10.0, averaging="pooled")
PAGE = Path(__file__).parents[3] / "docs/how-to/compare.md"


def result_of(values, protocol=PROTOCOL, metric="abs_rel", model="m", of="all", pixels=100, sums=None):
    """A result with one metric; NaN where an image has no pixel of the class."""
    rows = tuple(
        Row(f"i{i}", {of: {metric: value}}, {of: pixels}, sums={} if sums is None else {of: {metric: sums[i]}})
        for i, value in enumerate(values)
    )
    return with_rows(Result(ModelRecord(model, "depth/metric"), DatasetRecord("d", "root"), protocol.record(), rows), rows)


def with_rows(result, rows):
    return replace(result, rows=tuple(rows), dataset=DatasetRecord("d", "root", version_of([r.name for r in rows]), len(rows)))


def only(a, b, **options):
    (difference,) = compare([a, b], NAMES, resamples=2000, **options).differences
    return difference


def scores(n, seed=0, shift=0.0, noise=0.03):
    """Two models on images of very different difficulty, one worse by `shift` on each, give or take `noise`."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(2, 0.1, n)
    return base, base + shift + noise * rng.normal(size=n)


# The interval


@pytest.mark.parametrize(("n", "seed"), [(7, 0), (23, 5)])
def test_the_interval_is_that_of_the_slow_twin(n, seed):
    base, other = scores(n)
    low, high = percentile_interval(resampled_differences(base, other, 300, seed))
    assert (low, high) == pytest.approx(slow.interval(base.tolist(), other.tolist(), 300, seed), abs=1e-12)


def test_the_pooled_interval_is_that_of_the_slow_twin():
    rng = np.random.default_rng(3)
    # rmse: the root of a mean of squares, so that a mean of the images' values would be another number.
    sums = [[(float(n), float(n * s)) for n, s in zip(rng.integers(1, 900, 8), rng.gamma(2, 1, 8), strict=True)] for _ in "ab"]
    values = [[math.sqrt(total / count) for count, total in side] for side in sums]
    a, b = (result_of(v, POOLED, "rmse", sums=s) for v, s in zip(values, sums, strict=True))
    found = compare([a, b], NAMES, resamples=200, seed=4).differences[0]
    assert (found.low, found.high) == pytest.approx(slow.pooled_interval(*sums, math.sqrt, 200, 4), abs=1e-12)
    whole = [math.sqrt(math.fsum(t for _, t in side) / math.fsum(n for n, _ in side)) for side in sums]
    assert (found.base_mean, found.other_mean) == pytest.approx(whole, abs=1e-12)
    assert found.base_mean != pytest.approx(np.mean(values[0]), rel=1e-3)


@pytest.mark.parametrize("metric", ["silog", "rmse_log", "abs_rel", "delta1"])
def test_a_pooled_draw_is_the_metric_of_its_pixels(metric):
    """Pixels themselves are drawn here, image by image, and scored as one heap."""
    rng = np.random.default_rng(5)
    target = [rng.uniform(1, 5, n) for n in rng.integers(3, 40, 6)]
    pred = [t * rng.lognormal(rng.normal(0.5, 0.3), 0.2, t.size) for t in target]  # each image off by a factor of its own
    tallies = [depth_metrics(p, t)[metric] for p, t in zip(pred, target, strict=True)]
    found = pooled_draws(metric, [(float(t.count), *t.sums) for t in tallies], 40, 3)
    generator = np.random.default_rng(3)
    for value in found:
        drawn = generator.integers(0, 6, 6)
        heap = depth_metrics(np.concatenate([pred[i] for i in drawn]), np.concatenate([target[i] for i in drawn]))
        assert value == pytest.approx(heap[metric].value, rel=1e-9)


def test_a_draw_without_a_pixel_of_the_class_has_no_value():
    found = pooled_draws("abs_rel", [(10.0, 1.0), (), ()], 200, 0)
    assert 0 < np.isnan(found).sum() < 200
    assert found[~np.isnan(found)] == pytest.approx(0.1)


def test_every_draw_has_as_many_images_as_there_are_whatever_is_held_at_once(monkeypatch):
    whole = np.concatenate(list(iter_draw_counts(11, 50, 2)))
    assert (whole.sum(axis=1) == 11).all()
    monkeypatch.setattr("leadline.evaluation.bootstrap._DRAWS_AT_ONCE", 40)
    chunks = list(iter_draw_counts(11, 50, 2))
    assert len(chunks) > 10
    assert (np.concatenate(chunks) == whole).all()


def coverage(n, trials, skewed, resamples=600):
    """How often the interval holds the true difference of 0.01."""
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(trials):
        base = rng.gamma(2, 0.05, n)
        difference = rng.exponential(0.03, n) - 0.02 if skewed else rng.normal(0.01, 0.03, n)
        low, high = percentile_interval(resampled_differences(base, base + difference, resamples, trial))
        hits += low <= 0.01 <= high
    return hits / trials


@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_holds_the_true_difference_about_nineteen_times_in_twenty(skewed):
    assert coverage(100, 700, skewed) == pytest.approx(0.95, abs=0.02)


@pytest.mark.slow
def test_the_page_states_how_often_the_intervals_of_few_images_hold_the_truth():
    lines = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text(), re.MULTILINE)
    stated = {int(n): (float(normal), float(skewed)) for n, normal, skewed in lines}
    assert len(stated) >= 3
    for n, both in stated.items():
        for skewed in (False, True):
            assert coverage(n, 1500, skewed, 1000) == pytest.approx(both[skewed], abs=0.015)


def test_the_same_seed_gives_the_same_interval_and_another_a_slightly_different_one():
    a, b = (result_of(v) for v in scores(40))
    first, again, other = (only(a, b, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.low != other.low
    assert first.low == pytest.approx(other.low, abs=2e-3)


# What is said


def test_a_small_but_steady_difference_is_shown_because_images_are_paired():
    base, other = scores(60, shift=-0.02, noise=0.01)
    assert np.std(base) / math.sqrt(60) > 0.015  # unpaired, the difference would drown
    found = only(result_of(base), result_of(other))
    assert found.verdict == "B is better"
    assert found.low < -0.02 < found.high < 0
    assert found.difference == pytest.approx(np.mean(other) - np.mean(base))


def test_noise_without_a_difference_shows_none():
    base, other = scores(60, noise=0.03)
    assert only(result_of(base), result_of(other)).verdict == "no difference shown"


def test_a_result_does_not_differ_from_itself():
    a = result_of(scores(20)[0])
    found = only(a, a)
    assert (found.difference, found.low, found.high, found.better, found.worse, found.equal) == (0, 0, 0, 0, 0, 20)
    assert found.verdict == "no difference shown"


@pytest.mark.parametrize(
    ("metric", "verdict"), [("abs_rel", "B is worse"), ("delta1", "B is better"), ("unheard_of", "B is higher")]
)
def test_what_is_better_depends_on_the_metric(metric, verdict):
    found = only(*(result_of(v, metric=metric) for v in ([0.1] * 9, [0.2] * 8 + [0.1])))
    assert found.verdict == verdict
    known = direction_of(metric) is not None
    assert sorted((found.better, found.worse, found.equal)) == ([0, 1, 8] if known else [0, 0, 0])
    assert (found.better > found.worse) == (metric == "delta1")


def test_five_images_get_no_verdict_and_ten_a_warning():
    five = compare([result_of([0.1] * 5), result_of([0.2] * 5)], NAMES)
    assert five.differences[0].verdict.startswith("no verdict: 5 images")
    assert math.isnan(five.differences[0].low)
    ten = compare([result_of([0.1] * 10), result_of([0.2] * 10)], NAMES)
    assert ten.differences[0].verdict == "B is worse"
    assert "fewer than 30 images" in str(ten)
    assert "fewer than 30 images" not in str(compare([result_of([0.1] * 30), result_of([0.2] * 30)], NAMES))


def test_images_without_the_class_are_left_out_and_one_sided_ones_are_told():
    nan = math.nan
    a = result_of([nan, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], of="tom")
    b = result_of([nan, nan, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2], of="tom")
    comparison = compare([a, b], NAMES, of="tom", resamples=200)
    found = comparison.differences[0]
    assert (found.images, found.lopsided, found.worse) == (7, 1, 6)
    assert (found.base_mean, found.other_mean) == pytest.approx((0.1, 0.2))
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    assert "over the 7 images that have a value" in str(comparison)
    assert "1 images have a value in A or B only" in str(comparison)


def test_an_infinite_value_gives_no_verdict():
    found = only(result_of([0.1] * 8), result_of([0.2] * 7 + [math.inf]))
    assert found.verdict == "no verdict: not every value is finite"


def test_three_results_are_each_compared_with_the_first():
    a, b, c = (result_of([v] * 8, model=m) for v, m in ((0.2, "x"), (0.1, "y"), (0.3, "z")))
    comparison = compare([a, b, c], ("a", "b", "c"))
    assert [(d.base, d.other, d.verdict) for d in comparison.differences] == [(0, 1, "B is better"), (0, 2, "C is worse")]
    text = str(comparison)
    assert text.index("A  x  a") < text.index("B  y  b") < text.index("C  z  c")


def test_failed_images_are_in_the_means_and_named_in_the_header():
    b = result_of([0.1] * 8)
    b = with_rows(b, [replace(b.rows[0], metrics={"all": {"abs_rel": 1.0}}, failure="no file"), *b.rows[1:]])
    comparison = compare([result_of([0.1] * 8), b], NAMES)
    assert comparison.differences[0].other_mean == pytest.approx((1 + 0.7) / 8)
    assert "1 failed images" in str(comparison)


def test_json_holds_what_the_table_says_and_null_for_what_is_not_there():
    comparison = compare([result_of([0.1] * 5), result_of([0.2] * 5)], NAMES, seed=7)
    content = json.loads(comparison.to_json())
    assert content["seed"] == 7
    assert content["protocol"] == {"name": "test", "fingerprint": PROTOCOL.fingerprint}
    assert [r["file"] for r in content["results"]] == list(NAMES)
    assert content["differences"][0]["low"] is None
    assert content["differences"][0]["difference"] == pytest.approx(0.1)


# Refusals: each in one line that names the value


def refused(a, b, **options):
    with pytest.raises(LeadlineError) as caught:
        compare([a, b], NAMES, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_result_is_nothing_to_compare():
    with pytest.raises(LeadlineError, match="two or more"):
        compare([result_of([0.1])], ["a.json"])


def test_other_protocols_are_refused_by_their_first_differing_field():
    a = result_of([0.1] * 8)
    message = refused(a, result_of([0.1] * 8, replace(PROTOCOL, cap_m=80.0, min_valid_pixels=7)))
    assert "cap_m is 10.0 in a.json and 80.0 in b.json" in message
    assert "averaging is 'per_image' in a.json and 'pooled' in b.json" in refused(a, result_of([0.1] * 8, POOLED))


def test_what_only_tells_about_a_protocol_may_differ():
    a, b = result_of([0.1] * 8), result_of([0.1] * 8, replace(PROTOCOL, notes="said better", title="another"))
    assert compare([a, b], NAMES).differences[0].verdict == "no difference shown"


def test_other_data_sets_versions_and_images_are_refused():
    a = result_of([0.1] * 8)
    assert "data set 'd' in a.json, 'e' in b.json" in refused(a, replace(a, dataset=replace(a.dataset, name="e")))
    fewer = with_rows(a, a.rows[:-1])
    assert "image 8 is 'i7' and none" in refused(a, fewer)
    swapped = replace(a, rows=(a.rows[1], a.rows[0], *a.rows[2:]))
    assert "image 1 is 'i0' and 'i1'" in refused(a, swapped)


def test_an_image_that_is_skipped_on_one_side_is_refused():
    a = result_of([0.1] * 8)
    b = with_rows(a, [Row("i0", skipped="3 valid pixels"), *a.rows[1:]])
    assert "image 'i0' is skipped in b.json only (3 valid pixels)" in refused(a, b)
    assert compare([b, b], NAMES).differences[0].images == 7


def test_another_number_of_scored_pixels_is_refused_because_the_truth_has_changed():
    assert "100 scored pixels of class all in a.json and 99 in b.json" in refused(
        result_of([0.1] * 8), result_of([0.1] * 8, pixels=99)
    )


def test_an_unknown_metric_or_class_is_refused_with_those_that_there_are():
    a = result_of([0.1] * 8)
    assert "a.json has no metric 'rmse': expected some of abs_rel" in refused(a, a, metrics=["rmse"])
    assert "a.json has no class 'tom': expected one of all" in refused(a, a, of="tom")
    empty = result_of([math.nan] * 8, of="far")
    assert "no image of a.json has a pixel of class 'far'" in refused(empty, empty, of="far")


def test_every_metric_has_a_direction():
    names = {name for protocol in all_protocols() for name in protocol.metrics}
    names |= {*depth_metrics(1.0, 1.0), *LOG_ERRORS, *stereo_metrics(np.ones(1), np.ones(1))}
    assert len(names) > 30
    assert {name for name in names if direction_of(name) is None} == set()


@pytest.mark.parametrize("metric", sorted({*depth_metrics(1.0, 1.0), *stereo_metrics(np.ones(1), np.ones(1))}))
def test_the_direction_is_that_in_which_a_better_prediction_goes(metric):
    rng = np.random.default_rng(0)
    target = rng.uniform(5, 50, 500)
    noise = rng.normal(0, 1, 500)
    rough, fine = (target * np.exp(size * noise) for size in (0.5, 0.1))
    measured = depth_metrics if metric in depth_metrics(1.0, 1.0) else stereo_metrics
    seen = np.arange(500) % 3 > 0  # a rough prediction has holes, too
    options = ({}, {}) if measured is depth_metrics else ({"pred_valid": seen}, {})
    worse, better = (measured(p, target, **o)[metric].value for p, o in zip((rough, fine), options, strict=True))
    assert direction_of(metric) == ("lower" if better < worse else "higher")
    assert better != worse
