import numpy as np
import pytest
from tests.reference import virtual as reference
from tests.unit.labels.painted_networks import HW, RedInBatches, RedIsNear, box, picture

from leadline.camera import Camera
from leadline.depth_map import METRIC_DEPTH, DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.labels import VirtualOptions, aggregate, merge_virtual, virtual_depth

IMAGE, MASK = picture(), box()
INSIDE = MASK > 0


def test_the_label_is_the_median_over_the_colours_and_the_picture_elsewhere():
    network = RedIsNear()
    label = virtual_depth(network, IMAGE, MASK)
    assert len(network.seen) == 5
    reds = label.colours[:, 0, 0].astype(float)
    assert np.all(label.depth.values[INSIDE] == np.median(reds))
    np.testing.assert_array_equal(label.depth.values[~INSIDE], IMAGE[~INSIDE, 0])
    assert np.allclose(label.spread[INSIDE], (np.quantile(reds, 0.75) - np.quantile(reds, 0.25)) / 2)
    assert np.all(label.spread[~INSIDE] == 0)
    np.testing.assert_array_equal(label.mask, INSIDE)
    assert label.depth.kind == network.card.kind
    assert label.depth.source == "red.v1, virtual depth of 5 colours"


def test_median_and_spread_are_those_of_a_slow_reference():
    maps = np.random.default_rng(1).normal(size=(6, 7, 5)).astype(np.float32)
    stack = aggregate.CopyStack(6, (7, 5))
    for values in maps:
        stack.add(values, np.ones((7, 5), bool))
    median, spread = reference.median_and_spread(maps)
    found = stack.reduce()
    np.testing.assert_allclose(found.median, median, rtol=1e-5)
    np.testing.assert_allclose(found.spread, spread, rtol=1e-5)


def test_a_stack_larger_than_memory_waits_in_a_file_and_says_the_same(monkeypatch):
    network = RedIsNear()
    in_memory = virtual_depth(network, IMAGE, MASK)
    monkeypatch.setattr(aggregate, "MEMORY_BYTES", 100)
    monkeypatch.setattr(aggregate, "_BAND", 1)
    assert aggregate.CopyStack(5, HW).in_file
    in_file = virtual_depth(network, IMAGE, MASK)
    np.testing.assert_array_equal(in_file.depth.values, in_memory.depth.values)
    np.testing.assert_array_equal(in_file.spread, in_memory.spread)


def test_a_pixel_that_most_copies_do_not_know_is_not_valid():
    stack = aggregate.CopyStack(3, (1, 3))
    for valid in ([[1, 1, 0]], [[1, 0, 0]], [[1, 1, 0]]):
        stack.add(np.full((1, 3), 2.0, np.float32), np.array(valid, bool))
    found = stack.reduce()
    assert found.valid.tolist() == [[True, True, False]]
    assert found.median.tolist() == [[2, 2, 0]]


def test_colours_depend_on_the_name_and_the_seed_and_nothing_else():
    first = virtual_depth(RedIsNear(), IMAGE, MASK, name="a").colours
    virtual_depth(RedIsNear(), IMAGE, MASK, name="b")
    np.random.default_rng(0).random(100)
    np.testing.assert_array_equal(virtual_depth(RedIsNear(), picture(seed=9), MASK, name="a").colours, first)
    assert np.any(virtual_depth(RedIsNear(), IMAGE, MASK, name="b").colours != first)
    assert np.any(virtual_depth(RedIsNear(), IMAGE, MASK, name="a", options=VirtualOptions(seed=1)).colours != first)


def test_more_colours_begin_with_those_of_fewer():
    few = virtual_depth(RedIsNear(), IMAGE, MASK, name="a", options=VirtualOptions(colours=2)).colours
    many = virtual_depth(RedIsNear(), IMAGE, MASK, name="a", options=VirtualOptions(colours=7)).colours
    np.testing.assert_array_equal(many[:2], few)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_of_0_and_255_is_one_of_0_and_1(dtype, value):
    label = virtual_depth(RedIsNear(), IMAGE, box(value=value).astype(dtype))
    np.testing.assert_array_equal(label.mask, INSIDE)
    np.testing.assert_array_equal(label.colours, virtual_depth(RedIsNear(), IMAGE, MASK).colours)


@pytest.mark.parametrize(("alike", "colours"), [("image", 1), ("instance", 2), ("component", 3)])
def test_one_colour_for_all_or_each_number_or_each_patch(alike, colours):
    mask = np.zeros(HW, np.uint8)
    mask[1:3, 1:3], mask[1:3, 6:9], mask[8:11, 2:5] = 40, 40, 7  # two patches of one thing, one of another
    network = RedIsNear()
    label = virtual_depth(network, IMAGE, mask, options=VirtualOptions(alike=alike))
    assert label.colours.shape == (5, colours, 3)
    for copy, palette in zip(network.seen, label.colours, strict=True):
        assert {tuple(c) for c in copy[mask > 0]} == {tuple(c) for c in palette}
        same_thing = np.array_equal(copy[1, 1], copy[1, 6])
        assert same_thing == (alike != "component")


def test_patches_that_touch_at_a_corner_are_one():
    mask = np.zeros(HW, np.uint8)
    mask[2:4, 2:4], mask[4:6, 4:6] = 1, 1
    assert virtual_depth(RedIsNear(), IMAGE, mask, options=VirtualOptions(alike="component")).colours.shape[1] == 1


def test_things_of_other_numbers_that_touch_have_patches_of_their_own():
    mask = np.zeros(HW, np.uint8)
    mask[2:4, 2:4], mask[2:4, 4:6], mask[8:10, 2:4] = 1, 2, 2
    assert virtual_depth(RedIsNear(), IMAGE, mask, options=VirtualOptions(alike="component")).colours.shape[1] == 3


def test_grey_and_surroundings_take_one_copy_and_have_no_spread():
    grey = RedIsNear()
    label = virtual_depth(grey, IMAGE, MASK, options=VirtualOptions(colours=9, fill="grey"))
    assert len(grey.seen) == 1
    assert np.all(grey.seen[0][INSIDE] == 128)
    assert label.spread is None
    around = RedIsNear()
    flat = np.full_like(IMAGE, 90)
    flat[INSIDE] = 255
    virtual_depth(around, flat, box(top=2, left=3, height=7, width=8), options=VirtualOptions(fill="surroundings"))
    assert np.abs(around.seen[0].astype(int) - 90).max() <= 3


def test_dilation_paints_a_rim_too():
    network = RedIsNear()
    label = virtual_depth(network, IMAGE, box(top=5, left=6, height=1, width=1), options=VirtualOptions(dilate_px=2))
    assert label.mask.sum() == 13  # pixels within 2 of the centre
    assert label.mask[5, 8]
    assert not label.mask[5, 9]
    two = np.zeros(HW, np.uint8)
    two[5, 2], two[5, 6] = 200, 9
    options = VirtualOptions(dilate_px=1, alike="instance")
    copy, palettes = RedIsNear(), virtual_depth(RedIsNear(), IMAGE, two, options=options).colours
    virtual_depth(copy, IMAGE, two, options=options)
    np.testing.assert_array_equal(copy.seen[0][5, 7], palettes[0, 0])  # number 9 is the first
    np.testing.assert_array_equal(copy.seen[0][4, 2], palettes[0, 1])
    np.testing.assert_array_equal(copy.seen[0][5, 4], IMAGE[5, 4])


def test_aligned_copies_agree_where_nothing_is_painted():
    wobbly = {"scales": (1.0, 2.0, 0.5, 1.5, 3.0), "shifts": (0.0, 7.0, -3.0, 40.0, 2.0)}
    plain = virtual_depth(RedIsNear(**wobbly), IMAGE, MASK)
    assert plain.spread[~INSIDE].max() > 10
    for align in ("least_squares", "robust"):
        label = virtual_depth(RedIsNear(**wobbly), IMAGE, MASK, options=VirtualOptions(align=align))
        np.testing.assert_allclose(label.depth.values[~INSIDE], IMAGE[~INSIDE, 0], atol=1e-3)
        np.testing.assert_allclose(label.depth.values[INSIDE], np.median(label.colours[:, 0, 0]), atol=1e-3)
        assert label.spread[~INSIDE].max() < 1e-3


def test_a_copy_that_can_not_be_fitted_is_taken_as_it_is_and_said():
    flat = np.full_like(IMAGE, 7)
    label = virtual_depth(RedIsNear(), flat, MASK, options=VirtualOptions(align="least_squares"))
    assert any("could not be fitted to the first one (constant prediction)" in note for note in label.notes)
    assert np.all(label.depth.values[~INSIDE] == 7)


def test_metres_are_aligned_by_a_scale_alone():
    network = RedIsNear(kind=METRIC_DEPTH, scales=(1.0, 2.0, 4.0))
    label = virtual_depth(network, IMAGE, MASK, options=VirtualOptions(colours=3, align="least_squares"))
    np.testing.assert_allclose(label.depth.values[~INSIDE], IMAGE[~INSIDE, 0], rtol=1e-5)
    assert label.depth.unit == "m"


def test_an_ordinal_map_can_not_be_aligned():
    network = RedIsNear(kind=Kind.parse("disparity/ordinal"))
    assert virtual_depth(network, IMAGE, MASK).depth.kind == network.card.kind
    with pytest.raises(LeadlineError, match="only their order is meant"):
        virtual_depth(network, IMAGE, MASK, options=VirtualOptions(align="robust"))


def test_an_empty_mask_gives_the_plain_prediction_and_says_so():
    network = RedIsNear()
    label = virtual_depth(network, IMAGE, np.zeros(HW, bool), with_plain=True)
    assert len(network.seen) == 1
    np.testing.assert_array_equal(label.depth.values, IMAGE[..., 0])
    assert label.notes == ("the mask is empty: this is the plain prediction",)
    assert label.spread is None
    assert label.colours.size == 0


def test_a_mask_of_everything_is_refused():
    with pytest.raises(LeadlineError, match="covers the whole picture: nothing is left"):
        virtual_depth(RedIsNear(), IMAGE, np.ones(HW, bool))
    with pytest.raises(LeadlineError, match="once it is dilated by 99 pixels"):
        virtual_depth(RedIsNear(), IMAGE, MASK, options=VirtualOptions(dilate_px=99))


def test_a_mask_of_another_size_must_have_the_pictures_shape():
    double = np.kron(MASK, np.ones((2, 2), np.uint8))
    np.testing.assert_array_equal(virtual_depth(RedIsNear(), IMAGE, double).mask, INSIDE)
    with pytest.raises(LeadlineError, match=r"a mask of 12 x 16 for a picture of 16 x 12: expected its size"):
        virtual_depth(RedIsNear(), IMAGE, MASK.T)


def test_copies_come_in_batches_of_at_most_eight_with_the_plain_picture_among_them():
    network = RedInBatches()
    virtual_depth(network, IMAGE, MASK, options=VirtualOptions(colours=20), with_plain=True)
    assert network.batches == [8, 8, 5]
    np.testing.assert_array_equal(network.seen[0], IMAGE)


def test_labels_stay_at_the_networks_size_or_come_to_the_pictures():
    network, camera = RedInBatches(), Camera.from_fov_deg(60, (60, 80))
    image, mask = picture((60, 80)), box((60, 80), 20, 20, 20, 30)
    small = virtual_depth(network, image, mask, camera, at_network_size=True, with_plain=True)
    assert small.depth.hw == small.spread.shape == small.mask.shape == small.depth.camera.hw == (288, 384)
    assert small.plain.hw == (60, 80)
    whole = virtual_depth(network, image, mask, camera)
    assert whole.depth.hw == whole.spread.shape == whole.depth.camera.hw == (60, 80)
    np.testing.assert_array_equal(whole.mask, mask > 0)


def test_a_picture_decoded_at_half_its_size_gets_a_map_of_the_whole_one():
    image, mask = picture((30, 40)), box((60, 80), 20, 20, 20, 30)
    label = virtual_depth(RedInBatches(), image, mask, output_hw=(60, 80), with_plain=True)
    assert label.depth.hw == label.plain.hw == label.mask.shape == (60, 80)
    np.testing.assert_array_equal(label.mask, mask > 0)


def test_the_merge_keeps_the_plain_map_outside_and_its_scale_inside():
    truth = np.linspace(1, 3, HW[0] * HW[1]).reshape(HW)
    plain = DepthMap(np.where(INSIDE, 9.0, truth), kind="disparity/affine_invariant", source="n")
    other = DepthMap(4 * truth - 2, kind="disparity/affine_invariant", source="n, virtual")
    merged, scale, notes = merge_virtual(plain, other, INSIDE)
    np.testing.assert_allclose(merged.values, truth, rtol=1e-5)
    np.testing.assert_array_equal(merged.values[~INSIDE], plain.values[~INSIDE])
    assert scale == pytest.approx(0.25)
    assert notes == ()
    assert merged.source == "n, virtual, inside the mask alone"


def test_a_merge_of_two_kinds_or_sizes_is_refused():
    plain = DepthMap(np.ones(HW), kind="disparity/affine_invariant")
    with pytest.raises(LeadlineError, match="expected maps of one network"):
        merge_virtual(plain, DepthMap(np.ones(HW), kind="depth/metric"), INSIDE)
    with pytest.raises(LeadlineError, match="expected one size"):
        merge_virtual(plain, plain, INSIDE.T)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colours": 0}, "0 colours: expected at least 1"),
        ({"fill": "pink"}, "fill 'pink': expected one of random"),
        ({"alike": "object"}, "alike 'object': expected one of image"),
        ({"align": "yes"}, "align 'yes': expected one of none"),
        ({"dilate_px": -1}, "dilated by -1 pixels"),
        ({"seed": -1}, "seed -1: expected 0 or more"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_by_name(options, message):
    with pytest.raises(LeadlineError, match=message):
        VirtualOptions(**options)


def test_more_colours_than_there_is_room_for_are_refused_before_any_prediction():
    network = RedIsNear()
    with pytest.raises(LeadlineError, match=r"no room for 9000000000 maps of 16 x 12 \(6912.0 GB; .* has .* GB\): use fewer"):
        virtual_depth(network, IMAGE, MASK, options=VirtualOptions(colours=9_000_000_000))
    assert not network.seen


def test_a_disk_without_room_is_told_when_the_stack_is_made_not_by_a_crash_later(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(aggregate, "MEMORY_BYTES", 100)
    monkeypatch.setattr(aggregate.os, "posix_fallocate", full)
    with pytest.raises(LeadlineError, match=r"no room for 5 maps of 16 x 12 .*No space left on device"):
        virtual_depth(RedIsNear(), IMAGE, MASK)


def test_random_greys_are_the_colours_without_their_hue():
    network = RedIsNear()
    label = virtual_depth(network, IMAGE, MASK, options=VirtualOptions(colours=3, fill="greys"))
    assert len(network.seen) == 3
    assert np.ptp(label.colours.astype(int), axis=2).max() == 0
    colours = virtual_depth(RedIsNear(), IMAGE, MASK, options=VirtualOptions(colours=3)).colours
    np.testing.assert_array_equal(label.colours[..., 0], colours[..., 0])
    assert label.depth.source == "red.v1, virtual depth of 3 greys"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((*HW, 3), np.uint8), r"a mask of shape \(12, 16, 3\): expected two dimensions"),
        (np.zeros((0, 16), np.uint8), "expected two dimensions"),
        (np.full(HW, "glass"), "a mask of <U5: expected bool or numbers"),
        (box((24, 16), 2, 2, 4, 4), "a mask of 16 x 24 for a picture of 16 x 12"),
    ],
)
def test_a_mask_that_is_none_is_refused(mask, message):
    with pytest.raises(LeadlineError, match=message):
        virtual_depth(RedIsNear(), IMAGE, mask)


def test_a_merge_with_nothing_outside_the_mask_keeps_virtual_depth_as_it_is_and_says_so():
    plain = DepthMap(np.ones(HW), INSIDE, "disparity/affine_invariant")  # nothing is known outside
    other = DepthMap(np.full(HW, 5.0), kind="disparity/affine_invariant")
    merged, scale, notes = merge_virtual(plain, other, INSIDE)
    assert np.all(merged.values[INSIDE] == 5)
    assert scale == 1
    assert notes == ("virtual depth could not be fitted to the plain prediction (no valid pixel) and was taken as it is",)
