"""Classes of pixels: masks of any size, bands with and without a unit, edges of dense and of sparse truth."""

import json
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest

from leadline.data.synthetic.analytic import make_sample
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.evaluation.classes import CLASSES, Classes, DepthBand, EdgeClass, MaskClass
from leadline.evaluation.protocol import fingerprint_of
from leadline.sample import Sample

METRES, RELATIVE = Kind.parse("depth/metric"), Kind.parse("depth/scale_invariant")


def picture(depth, kind=METRES, **masks):
    depth = np.asarray(depth, dtype=np.float32)
    arrays = {name: np.asarray(mask) for name, mask in masks.items()}
    return Sample("a", np.zeros((*depth.shape, 3), np.uint8), DepthMap(depth, depth > 0, kind), None, arrays)


def masks_of(classes, sample):
    depth = sample.depth.values
    index = np.flatnonzero(sample.depth.valid)
    metric = sample.depth.kind == METRES
    return classes.masks(sample, depth.shape, index, depth.ravel()[index].astype(np.float64), in_metres=metric)


def maps_of(classes, sample):
    """The masks, put back in their places."""
    maps = {}
    for name, mask in masks_of(classes, sample).items():
        maps[name] = np.zeros(sample.depth.hw, bool)
        maps[name][sample.depth.valid] = mask
    return maps


def slow_edges(depth, valid, sky, jump, radius):
    """One pixel after the other: (beside an edge, not beside one)."""
    height, width = depth.shape
    far = np.where(sky & ~valid, np.inf, depth)

    def around(row, column):
        return [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]

    def classed(row, column):
        places = [(row, column), *around(row, column)]
        return all(0 <= r < height and 0 <= c < width and (valid[r, c] or sky[r, c]) for r, c in places)

    def jumps(row, column):
        pairs = [sorted((far[row, column], far[place])) for place in around(row, column)]
        return any(near < np.inf and beyond / near - 1 > jump for near, beyond in pairs)

    edge, interior = np.zeros((2, height, width), bool)
    for row, column in np.argwhere(valid):
        if classed(row, column):
            near = [(r, c) for r in range(row - radius, row + radius + 1) for c in range(column - radius, column + radius + 1)]
            found = any(0 <= r < height and 0 <= c < width and classed(r, c) and jumps(r, c) for r, c in near)
            (edge if found else interior)[row, column] = True
    return edge, interior


def test_all_is_every_pixel_that_counts_and_is_always_there():
    sample = picture([[1, 2, 0], [0, 5, 6]])
    assert Classes().names == ("all",)
    np.testing.assert_array_equal(masks_of(Classes(), sample)["all"], [True] * 4)


def test_classes_of_a_mask_are_lists_of_its_values():
    sample = picture([[1, 1, 0, 1, 1]], mask_cat=[[0, 1, 2, 2, 3]])
    found = masks_of(CLASSES["booster"], sample)
    assert list(found) == ["all", "other", "tom"]
    np.testing.assert_array_equal(found["other"], [True, True, False, False])
    np.testing.assert_array_equal(found["tom"], [False, False, True, True])


def test_the_materials_and_the_sky_of_a_synthetic_world_are_found():
    sample = make_sample(5, (48, 64))
    maps = maps_of(Classes.parse("material,sky"), sample)
    for value, name in enumerate(("opaque", "transparent", "mirror")):
        np.testing.assert_array_equal(maps[name], sample.depth.valid & (sample.masks["material"] == value))
    assert sum(maps[name].sum() for name in ("opaque", "transparent", "mirror")) == sample.depth.valid.sum()
    assert not maps["sky"].any()  # no depth, so no pixel of it counts


def test_a_bool_mask_has_the_values_0_and_1():
    sample = picture([[1, 1, 1]], sky=[[True, False, True]])
    np.testing.assert_array_equal(masks_of(CLASSES["sky"], sample)["sky"], [True, False, True])


@pytest.mark.parametrize("mask_hw", [(8, 12), (3, 5), (2, 3), (1, 1), (16, 24), (5, 31)])
def test_a_mask_of_another_size_is_read_where_the_pixels_centre_lies(mask_hw):
    rng = np.random.default_rng(sum(mask_hw))
    mask = rng.integers(0, 4, mask_hw)
    sample = picture(rng.uniform(1, 5, (8, 12)), mask_cat=mask)
    expected = np.zeros((8, 12), bool)
    for row in range(8):
        for column in range(12):
            y, x = (row + 0.5) / 8 * mask_hw[0], (column + 0.5) / 12 * mask_hw[1]
            expected[row, column] = mask[int(y), int(x)] >= 2
    np.testing.assert_array_equal(maps_of(CLASSES["booster"], sample)["tom"], expected)


def test_a_sample_without_the_mask_is_refused_instead_of_left_out():
    with pytest.raises(LeadlineError, match=r"sample 'a' has no mask 'mask_cat' \(it has sky\)"):
        masks_of(CLASSES["booster"], picture([[1]], sky=[[False]]))


def test_bands_in_metres_hold_their_lower_bound_and_cover_every_pixel_once():
    sample = picture([[0.5, 2.999, 3.0, 14.9, 15.0, 79.0]])
    found = masks_of(CLASSES["distance"], sample)
    np.testing.assert_array_equal(found["near"], [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(found["mid"], [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(found["far"], [0, 0, 0, 0, 1, 1])


def test_bands_of_truth_without_a_unit_are_thirds_of_the_image():
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 1000, (9, 10))
    maps = maps_of(CLASSES["distance"], picture(depth, RELATIVE))
    assert [maps[name].sum() for name in ("near", "mid", "far")] == [30, 30, 30]
    assert depth[maps["near"]].max() < depth[maps["mid"]].min()
    assert depth[maps["mid"]].max() < depth[maps["far"]].min()
    larger = maps_of(CLASSES["distance"], picture(7 * depth, RELATIVE))
    for name, mask in maps.items():
        np.testing.assert_array_equal(larger[name], mask)


def test_depths_that_tie_stay_together_and_every_pixel_has_one_band():
    found = masks_of(CLASSES["distance"], picture(np.ones((2, 6)), RELATIVE))
    assert [int(found[name].sum()) for name in ("near", "mid", "far")] == [0, 0, 12]


def test_stereo_pixels_have_bands_by_rank_though_the_pair_has_a_baseline():
    depth = np.linspace(1, 5, 60).reshape(6, 10)
    sample, index = picture(depth), np.arange(60)
    in_pixels = CLASSES["distance"].masks(sample, (6, 10), index, depth.ravel(), in_metres=False)
    assert [int(mask.sum()) for mask in in_pixels.values()] == [60, 20, 20, 20]
    in_metres = CLASSES["distance"].masks(sample, (6, 10), index, depth.ravel(), in_metres=True)
    assert [int(mask.sum()) for mask in in_metres.values()] == [60, 30, 30, 0]


@pytest.mark.parametrize("radius", [0, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_edges_agree_with_a_slow_reference(seed, radius):
    rng = np.random.default_rng(seed)
    depth = np.where(np.add.outer(np.arange(13), np.arange(17)) > 15 + seed, 4.0, 3.0) * rng.uniform(1, 1.12, (13, 17))
    depth[rng.random(depth.shape) < 0.04] = 0
    sky = np.zeros(depth.shape, bool)
    sky[:4, :6] = True
    depth[:3, :6] = 0
    classes = Classes((EdgeClass("edges", True, 0.1, radius), EdgeClass("interior", False, 0.1, radius)))
    maps = maps_of(classes, picture(depth, sky=sky))
    edge, interior = slow_edges(depth, depth > 0, sky, 0.1, radius)
    assert edge.sum() > 5
    np.testing.assert_array_equal(maps["edges"], edge)
    np.testing.assert_array_equal(maps["interior"], interior)


def test_an_edge_has_two_sides_and_the_rim_of_the_picture_is_unclassed():
    depth = np.where(np.arange(12) < 6, 2.0, 5.0) * np.ones((7, 1))
    maps = maps_of(Classes((EdgeClass("edges", radius_px=1), EdgeClass("interior", False, radius_px=1))), picture(depth))
    np.testing.assert_array_equal(np.flatnonzero(maps["edges"].any(axis=0)), [4, 5, 6, 7])
    assert not (maps["edges"] & maps["interior"]).any()
    assert (maps["edges"] | maps["interior"]).sum() == 5 * 10


def test_the_sky_behind_a_thing_makes_an_edge_only_if_a_mask_says_that_it_is_sky():
    depth = np.where(np.arange(12) < 6, 2.0, 0) * np.ones((7, 1))
    with_sky = maps_of(CLASSES["edges"], picture(depth, sky=depth == 0))
    without = maps_of(CLASSES["edges"], picture(depth))
    assert with_sky["edges"][1:-1, 3:6].all()
    assert not without["edges"].any()


def test_sparse_truth_has_neither_edges_nor_interior():
    rng = np.random.default_rng(0)
    depth = np.where(rng.random((40, 60)) < 0.05, rng.uniform(1, 50, (40, 60)), 0)
    maps = maps_of(CLASSES["edges"], picture(depth))
    assert maps["all"].sum() > 80
    assert not maps["edges"].any()
    assert not maps["interior"].any()


def test_no_pixel_that_counts_gives_empty_masks():
    sample = picture(np.zeros((5, 6)), RELATIVE, sky=np.zeros((5, 6), bool), material=np.zeros((5, 6), np.uint8))
    found = masks_of(Classes.parse("material,distance,edges,sky"), sample)
    assert len(found) == 10
    assert all(mask.shape == (0,) and mask.dtype == bool for mask in found.values())


def test_classes_survive_json_and_change_the_fingerprint():
    classes = Classes.parse("booster, distance,edges")
    again = Classes.from_dict(json.loads(json.dumps(classes.to_dict(), allow_nan=False)))
    assert again == classes
    assert hash(again) == hash(classes)
    prints = {fingerprint_of(c.to_dict()) for c in (classes, Classes(), CLASSES["booster"], CLASSES["distance"])}
    shifted = Classes((replace(CLASSES["distance"].members[0], to_m=4.0), *CLASSES["distance"].members[1:]))
    assert len(prints | {fingerprint_of(shifted.to_dict())}) == 5
    assert asdict(classes) == classes.to_dict()  # as a protocol's own to_dict makes it
    with pytest.raises(FrozenInstanceError):
        classes.members = ()


@pytest.mark.parametrize(
    "item",
    [
        {"rule": "colour", "name": "a"},
        {"name": "a"},
        {"rule": "mask", "name": "a", "mask": "b"},
        {"rule": "mask", "name": "a", "mask": "b", "values": [1], "size": 3},
    ],
)
def test_a_class_that_can_not_be_read_is_named(item):
    with pytest.raises(LeadlineError, match="a class of pixels"):
        Classes.from_dict({"members": [item]})


def test_names_that_mean_nothing_or_two_things_are_refused():
    with pytest.raises(LeadlineError, match=r"classes 'tom': expected some of booster, material"):
        Classes.parse("booster,tom")
    with pytest.raises(LeadlineError, match="each name once"):
        Classes.parse("booster,booster")
    with pytest.raises(LeadlineError, match="each name once"):
        Classes((MaskClass("all", "sky", (0,)),))
    assert Classes.parse("") == Classes()


def test_impossible_bounds_are_refused():
    for bounds in (
        (5.0, 3.0, 0.0, 0.5),
        (None, 3.0, 0.5, 0.5),
        (-1.0, 3.0, 0.0, 1.0),
        (None, 0.0, 0.0, 1.0),
        (None, 3.0, 0.0, 1.5),
    ):
        with pytest.raises(LeadlineError, match="expected each to rise"):
            DepthBand("near", *bounds)
    for jump, radius in ((0.0, 1), (0.1, -1)):
        with pytest.raises(LeadlineError, match="edges of jump"):
            EdgeClass("edges", True, jump, radius)


def test_an_index_and_depths_of_different_length_are_refused():
    with pytest.raises(LeadlineError, match="index and depth of one truth"):
        Classes().masks(picture([[1]]), (4, 5), np.arange(3), np.ones(4), in_metres=True)
