import json
from typing import get_args

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.cli import label
from leadline.data.coco_masks import CocoMasks, parse_categories
from leadline.data.mask_files import MaskSource
from leadline.data.masks import CONVENTIONS, fit_mask, parse_mapping, read_surfaces
from leadline.errors import LeadlineError

NUMBERS = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)


def write(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("convention", "pixels", "material"),
    [
        ("any", [[0, 255, 3]], [[0, 1, 1]]),
        ("transparent", [[0, 255, 3]], [[0, 1, 1]]),
        ("mirror", [[0, 255, 3]], [[0, 2, 2]]),
        ("material", [[0, 1, 2]], [[0, 1, 2]]),
        ("trans10k", [[0, 1, 2]], [[0, 1, 1]]),
        ("trans10k", [[0, 255, 90]], [[0, 1, 0]]),
        ("trans10k", [[[0, 0, 0], [255, 0, 0], [255, 255, 255]]], [[0, 1, 1]]),
        ("msd", [[0, 255, 0]], [[0, 2, 0]]),
        ("mirror3d", [[0, 1, 7]], [[0, 2, 2]]),
        ("booster", [[0, 1, 2, 3]], [[0, 0, 1, 1]]),
    ],
)
def test_every_convention_becomes_opaque_transparent_mirror(tmp_path, convention, pixels, material):
    surfaces = read_surfaces(write(tmp_path / "m.png", np.array(pixels, np.uint8)), convention)
    assert surfaces.material.dtype == np.uint8
    assert surfaces.material.tolist() == material
    assert (surfaces.regions > 0).tolist() == (np.array(material) > 0).tolist()


def test_the_command_lines_conventions_are_all_there_are():
    assert get_args(label._Convention) == tuple(CONVENTIONS)


def test_mirrors_keep_their_numbers(tmp_path):
    surfaces = read_surfaces(write(tmp_path / "m.png", np.array([[0, 1, 7]], np.uint8)), "mirror3d")
    assert surfaces.instance.tolist() == surfaces.regions.tolist() == [[0, 1, 7]]


@pytest.mark.parametrize(
    ("convention", "pixels", "message"),
    [
        ("material", [[0, 1, 9, 4]], "holds 4, 9: expected 0, 1, 2"),
        ("material", [[0, 255]], "holds 0 and 255: .*convention 'any'"),
        ("booster", [[5, 6, 7, 8, 9, 10]], "holds 5, 6, 7, 8, 9, ...: expected 0, 1, 2, 3"),
        ("glass", [[0]], "mask convention 'glass': expected one of any, transparent"),
    ],
)
def test_numbers_that_a_convention_does_not_know_are_named(tmp_path, convention, pixels, message):
    with pytest.raises(LeadlineError, match=message):
        read_surfaces(write(tmp_path / "m.png", np.array(pixels, np.uint8)), convention)


def test_class_numbers_are_mapped_and_unknown_ones_named(tmp_path):
    path = write(tmp_path / "m.png", NUMBERS)
    assert read_surfaces(path, mapping=parse_mapping("0=opaque, 1=mirror,2=transparent")).material.tolist() == [
        [0, 2, 1], [1, 2, 0]
    ]  # fmt: skip
    with pytest.raises(LeadlineError, match=r"m.png holds 2: expected 0, 1"):
        read_surfaces(path, mapping=parse_mapping("0=opaque,1=mirror"))


def test_a_palettes_indices_are_numbers_and_its_colours_colours(tmp_path):
    image = Image.fromarray(NUMBERS).convert("P")
    image.putdata(NUMBERS.ravel().tolist())
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "m.png")
    by_number = read_surfaces(tmp_path / "m.png", mapping=parse_mapping("0=opaque,1=transparent,2=mirror"))
    by_colour = read_surfaces(tmp_path / "m.png", mapping=parse_mapping("#000000=opaque,#800000=transparent,#008000=mirror"))
    assert by_number.material.tolist() == by_colour.material.tolist() == NUMBERS.tolist()


def test_unknown_colours_are_named_and_numbers_are_not_colours(tmp_path):
    colours = write(tmp_path / "c.png", np.array([[[0, 0, 0], [255, 0, 16]]], np.uint8))
    with pytest.raises(LeadlineError, match=r"c.png holds #ff0010: expected #000000"):
        read_surfaces(colours, mapping=parse_mapping("#000000=opaque"))
    with pytest.raises(LeadlineError, match="holds colours: expected class numbers"):
        read_surfaces(colours, mapping=parse_mapping("0=opaque"))
    with pytest.raises(LeadlineError, match="holds grey numbers: expected colours"):
        read_surfaces(write(tmp_path / "n.png", NUMBERS), mapping=parse_mapping("#000000=opaque"))


def test_a_jpegs_traces_of_compression_are_not_glass(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 255
    path = write(tmp_path / "m.jpg", mask, quality=30)
    assert (np.asarray(Image.open(path)) > 0).sum() > 400
    assert abs(int(read_surfaces(path).material.sum()) - 400) <= 8
    with pytest.raises(LeadlineError, match="a JPEG or WebP blurs numbers, save masks as PNG"):
        read_surfaces(path, mapping=parse_mapping("0=opaque,255=transparent"))


@pytest.mark.parametrize("text", ["", "3", "3=glass", "x=mirror", "#12=mirror", "#gggggg=mirror", "1=mirror,#000000=opaque"])
def test_a_mapping_that_is_none_is_refused(text):
    with pytest.raises(LeadlineError, match="mask mapping"):
        parse_mapping(text)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.int64, np.float32])
def test_a_mask_of_the_same_shape_is_thinned_to_the_nearest_pixel_and_keeps_its_type(dtype):
    mask = np.zeros((6, 9), dtype)
    mask[3:, 3:6] = 1
    small = fit_mask(mask, (2, 3))
    assert small.dtype == mask.dtype
    assert small.tolist() == [[0, 0, 0], [0, 1, 0]]
    np.testing.assert_array_equal(fit_mask(small, (6, 9)), mask)


@pytest.mark.parametrize(
    ("mask", "picture"), [((85, 151), (720, 1280)), ((720, 1280), (360, 641)), ((3024, 4032), (3023, 4032))]
)
def test_a_pixel_of_rounding_is_forgiven(mask, picture):
    assert fit_mask(np.zeros(mask, bool), picture).shape == picture


@pytest.mark.parametrize(("mask", "picture"), [((720, 960), (720, 1280)), ((1280, 720), (720, 1280)), ((90, 150), (720, 1280))])
def test_another_shape_is_refused(mask, picture):
    with pytest.raises(LeadlineError, match=f"a mask of {mask[1]} x {mask[0]} for a picture of {picture[1]} x {picture[0]}"):
        fit_mask(np.zeros(mask, bool), picture)


def test_masks_are_found_by_the_names_of_pictures(tmp_path):
    root = tmp_path / "masks"
    for number, name in enumerate(["a.png", "sub/b_mask.png", "c.jpg.png", "deep/down/d-mask.bmp"], start=1):
        write(root / name, np.full((1, 1), number, np.uint8))
    source = MaskSource(root, mapping=",".join(f"{n}=transparent" for n in range(1, 5)))
    for path in ("x/a.jpg", "x/sub/b.jpg", "x/c.jpg", "x/d.jpg"):
        stem = tmp_path.__class__(path.removeprefix("x/")).with_suffix("")
        assert source.read(tmp_path / path, stem).material.tolist() == [[1]]
        assert source.has(tmp_path / path, stem)
    nothing = tmp_path / "e.jpg"
    assert source.read(nothing, nothing.relative_to(tmp_path).with_suffix("")) is None


def test_a_name_in_two_folders_is_no_ones_and_two_files_of_one_name_are_refused(tmp_path):
    for name in ("p/a.png", "q/a.png", "b.png", "b.bmp"):
        write(tmp_path / "m" / name, NUMBERS)
    source, one = MaskSource(tmp_path / "m"), tmp_path / "a.jpg"
    assert source.read(one, one.relative_to(tmp_path).with_suffix("")) is None
    with pytest.raises(LeadlineError, match=r"two masks for b.jpg, b.bmp and b.png"):
        source.read(tmp_path / "b.jpg", (tmp_path / "b").relative_to(tmp_path))


def test_a_picture_beside_its_mask_is_not_its_own_mask(tmp_path):
    photo = write(tmp_path / "a.png", NUMBERS)
    stem = photo.relative_to(tmp_path).with_suffix("")
    assert MaskSource(tmp_path).read(photo, stem) is None
    write(tmp_path / "a_mask.png", np.zeros((1, 1), np.uint8))
    assert MaskSource(tmp_path).read(photo, stem).material.tolist() == [[0]]


def test_one_mask_is_for_all_pictures_and_missing_ones_are_refused(tmp_path):
    source = MaskSource(write(tmp_path / "m.png", NUMBERS))
    assert source.is_for_all
    assert source.read(tmp_path / "z.jpg", tmp_path / "z").material.tolist() == [[0, 1, 1], [1, 1, 0]]
    (tmp_path / "empty").mkdir()
    for path, message in (("empty", "no masks in the folder"), ("nowhere", "expected a mask file, a folder of masks or")):
        with pytest.raises(LeadlineError, match=message):
            MaskSource(tmp_path / path)
    with pytest.raises(LeadlineError, match="give one of them"):
        MaskSource(tmp_path / "m.png", "booster", "1=mirror")


def coco(tmp_path, **changes):
    square = [2.0, 1.0, 5.0, 1.0, 5.0, 4.0, 2.0, 4.0]
    counts = [4 * 6 + 2, 2, 4, 2, 14]  # down the columns: rows 2 and 3 of columns 4 and 5
    content = {
        "images": [
            {"id": 7, "file_name": "sub/a.jpg", "height": 6, "width": 8},
            {"id": 8, "file_name": "b.jpg", "height": 6, "width": 8},
        ],
        "categories": [{"id": 1, "name": "window"}, {"id": 2, "name": "wardrobe Mirror"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "segmentation": [square]},
            {"image_id": 7, "category_id": 2, "segmentation": {"size": [6, 8], "counts": counts}},
        ],
    }  # fmt: skip
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_polygons_and_runs_of_a_coco_file_are_drawn_where_they_lie(tmp_path):
    masks = CocoMasks(coco(tmp_path))
    surfaces = masks.read(masks.find(tmp_path / "photos" / "sub" / "a.jpg"))
    expected = np.zeros((6, 8), np.uint8)
    expected[1:4, 2:5] = 1  # from edge 2 to edge 5: pixels 2, 3, 4
    expected[2:4, 4:6] = 2
    np.testing.assert_array_equal(surfaces.material, expected)
    np.testing.assert_array_equal(surfaces.instance, expected)
    assert not masks.read(masks.find(tmp_path / "b.jpg")).material.any()
    assert masks.find(tmp_path / "c.jpg") is None
    assert masks.find(tmp_path / "a.jpg") == "sub/a.jpg"


def test_a_coco_file_works_as_a_source_with_chosen_categories(tmp_path):
    source = MaskSource(coco(tmp_path), mapping="window=mirror")
    found = source.read(tmp_path / "a.jpg", tmp_path / "a")
    assert set(np.unique(found.material)) == {0, 2}
    with pytest.raises(LeadlineError, match="has no category 'door': expected some of cat, wardrobe Mirror, window"):
        MaskSource(coco(tmp_path), mapping="door=mirror")
    with pytest.raises(LeadlineError, match="category 'door': expected CATEGORY=CLASS"):
        parse_categories("door")


def test_a_polygon_off_the_grid_marks_the_pixels_whose_centres_it_holds(tmp_path):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 40, (3, 2))
    entry = {"image_id": 7, "category_id": 1, "segmentation": [corners.ravel().tolist()]}
    images = [{"id": 7, "file_name": "a.jpg", "height": 40, "width": 40}]
    drawn = CocoMasks(coco(tmp_path, images=images, annotations=[entry])).read("a.jpg").material > 0
    polygon = corners.astype(np.float32).reshape(-1, 1, 2)
    distance = np.array([[cv2.pointPolygonTest(polygon, (x + 0.5, y + 0.5), True) for x in range(40)] for y in range(40)])
    np.testing.assert_array_equal(drawn, distance > 0)


def test_a_coco_file_that_is_none_or_compressed_is_refused(tmp_path):
    runs = [{"image_id": 7, "category_id": 1, "segmentation": {"size": [6, 8], "counts": "PPYo0"}}]
    with pytest.raises(LeadlineError, match="compressed masks: expected polygons or plain counts"):
        CocoMasks(coco(tmp_path, annotations=runs)).read("sub/a.jpg")
    with pytest.raises(LeadlineError, match=r"a broken annotation of sub/a.jpg"):
        CocoMasks(coco(tmp_path, annotations=[{"image_id": 7, "category_id": 1}])).read("sub/a.jpg")
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(LeadlineError, match="no COCO file"):
        CocoMasks(tmp_path / "other.json")
