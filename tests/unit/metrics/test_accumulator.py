"""Scores over many images are the same however the images are split, and both averagings are what their names say."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import depth_metrics as slow

from leadline.errors import LeadlineError
from leadline.metrics.accumulator import Accumulator
from leadline.metrics.depth import depth_metrics

REFERENCE = {**slow.ALL, **slow.MORE}
HW = (6, 8)


def images(seed, count):
    """Images of very unequal numbers of valid pixels, one or none among them, and of unequal error."""
    rng = np.random.default_rng(seed)
    target = rng.uniform(0.5, 20, (count, *HW))
    pred = target * np.exp(rng.normal(rng.normal(0, 0.5, (count, 1, 1)), 0.2, target.shape))
    valid = rng.random(target.shape) < rng.choice([0.0, 0.02, 0.3, 0.9], (count, 1, 1))
    pred[~valid], target[~valid] = np.nan, 0.0
    return pred, target, valid


def accumulated(pred, target, valid, metrics=depth_metrics):
    accumulator = Accumulator(metrics)
    for image in zip(pred, target, valid, strict=True):
        accumulator.update(*image)
    return accumulator


def assert_same(one, other):
    assert (one.images, one.empty, one.pixels) == (other.images, other.empty, other.pixels)
    assert one.per_image == pytest.approx(other.per_image, rel=1e-9, nan_ok=True)
    assert one.pooled == pytest.approx(other.pooled, rel=1e-9, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999))
def test_both_averages_agree_with_the_slow_reference(seed):
    pred, target, valid = images(seed, 5)
    scores = accumulated(pred, target, valid).compute()
    pixels = [slow.pairs(*image) for image in zip(pred, target, valid, strict=True)]
    scored = [pairs for pairs in pixels if pairs]
    assert (scores.images, scores.empty) == (len(scored), 5 - len(scored))
    assert scores.pixels == sum(map(len, pixels)) == valid.sum()
    for name, reference in REFERENCE.items():
        per_image = slow.mean([reference(pairs) for pairs in scored]) if scored else np.nan
        pooled = reference([pair for pairs in pixels for pair in pairs]) if scored else np.nan
        assert scores.per_image[name] == pytest.approx(per_image, rel=1e-9, abs=1e-12, nan_ok=True), name
        assert scores.pooled[name] == pytest.approx(pooled, rel=1e-9, abs=1e-12, nan_ok=True), name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), owner=st.lists(st.integers(0, 3), min_size=9, max_size=9), data=st.data())
def test_any_split_into_processes_and_any_order_of_merging_gives_the_whole(seed, owner, data):
    pred, target, valid = images(seed, 9)
    whole = accumulated(pred, target, valid).compute()
    parts = []
    for process in range(4):
        mine = [i for i, who in enumerate(owner) if who == process]
        parts.append(pickle.loads(pickle.dumps(accumulated(pred[mine], target[mine], valid[mine]))))
    merged = Accumulator()
    for part in data.draw(st.permutations(parts)):
        merged.merge(part)
    assert_same(merged.compute(), whole)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9999), cuts=st.lists(st.integers(0, 7), max_size=3))
def test_any_split_into_batches_gives_the_whole(seed, cuts):
    pred, target, valid = images(seed, 7)
    batched = Accumulator()
    for batch in np.split(np.arange(7), sorted(cuts)):
        batched.update(pred[batch], target[batch], valid[batch])
    assert_same(batched.compute(), accumulated(pred, target, valid).compute())


def test_tallies_from_other_processes_give_what_one_process_gives():
    pred, target, valid = images(3, 6)
    here = Accumulator()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for tallies in pool.map(depth_metrics, pred, target, valid):
            here.add(tallies)
    assert_same(here.compute(), accumulated(pred, target, valid).compute())


def test_the_two_averages_differ_where_images_are_unequal():
    accumulator = Accumulator()
    accumulator.update(np.full((1, 1), 2.0), np.ones((1, 1)))
    accumulator.update(np.ones((1, 3)), np.ones((1, 3)))
    scores = accumulator.compute()
    assert scores.per_image["abs_rel"] == 0.5
    assert scores.pooled["abs_rel"] == 0.25


def test_an_image_without_pixels_is_counted_and_moves_no_mean():
    accumulator = Accumulator()
    accumulator.update(np.full(HW, 2.0), np.ones(HW))
    before = accumulator.compute()
    accumulator.update(np.full(HW, np.nan), np.zeros(HW), np.zeros(HW, bool))
    after = accumulator.compute()
    assert (after.images, after.empty) == (1, 1)
    assert (after.per_image, after.pooled) == (before.per_image, before.pooled)


def test_only_images_without_pixels_give_nan_and_nothing_at_all_gives_no_score():
    accumulator = Accumulator()
    assert accumulator.compute().per_image == {}
    accumulator.update(np.ones(HW), np.ones(HW), np.zeros(HW, bool))
    scores = accumulator.compute()
    assert (scores.images, scores.empty, scores.pixels) == (0, 1, 0)
    assert all(np.isnan(value) for value in (*scores.per_image.values(), *scores.pooled.values()))


def test_computing_does_not_end_the_accumulation():
    pred, target, valid = images(1, 4)
    accumulator = accumulated(pred[:2], target[:2], valid[:2])
    accumulator.compute()
    accumulator.update(pred[2:], target[2:], valid[2:])
    assert_same(accumulator.compute(), accumulated(pred, target, valid).compute())


def test_merging_leaves_the_other_as_it_is():
    pred, target, valid = images(2, 4)
    one, other = accumulated(pred[:2], target[:2], valid[:2]), accumulated(pred[2:], target[2:], valid[2:])
    before = other.compute()
    one.merge(other)
    assert_same(other.compute(), before)


def test_other_metrics_accumulate_too_but_not_beside_these():
    tight = partial(depth_metrics, thresholds=(1.05, 1.1))
    pred, target, valid = images(4, 3)
    other = pickle.loads(pickle.dumps(accumulated(pred, target, valid, tight)))
    assert {"delta_1.05", "delta_1.1"} < other.compute().pooled.keys()
    with pytest.raises(LeadlineError, match=r"\(delta1, delta2, delta3, delta_1.05, delta_1.1\)"):
        accumulated(pred, target, valid).merge(other)


@pytest.mark.parametrize("shapes", [[(4,), (4,)], [(2, 3), (3, 2)], [(1, 2, 3), (2, 3)], [(1, 1, 2, 3), (1, 1, 2, 3)]])
def test_other_shapes_than_images_or_batches_are_refused(shapes):
    with pytest.raises(LeadlineError, match=r"expected one shape, \(h, w\) or \(b, h, w\)"):
        Accumulator().update(*map(np.ones, shapes))


def test_a_batch_with_a_bad_image_adds_nothing():
    accumulator = Accumulator()
    pred = np.ones((2, *HW))
    pred[1, 0, 0] = np.nan
    with pytest.raises(LeadlineError, match="not finite"):
        accumulator.update(pred, np.ones((2, *HW)))
    assert accumulator.compute().images == 0
