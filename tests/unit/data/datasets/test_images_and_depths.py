"""A folder of anybody's pictures and depth files: two minutes from nothing to samples, and errors that say what to write."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.check import check
from leadline.data.datasets import images_and_depths
from leadline.data.datasets.image_layout import SETTINGS, CameraSettings, ImageLayout
from leadline.data.datasets.images_and_depths import make_dataset
from leadline.data.datasets.picture_size import picture_at
from leadline.data.datasets.registry import get_dataset
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.io.depth import write_depth

HW = (48, 64)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array)


def picture(hw=HW):
    return np.tile(np.linspace(0, 255, hw[1]).astype(np.uint8)[None, :, None], (hw[0], 1, 3))


def millimetres(first=0):
    depth = np.tile(np.arange(1000, 1064, dtype=np.uint16), (48, 1))
    depth[0, 0] = first
    return depth


def write_folder(root, text='images = "rgb/*.jpg"\ndepths = "depth/*.png"\nkind = "depth/metric"\nscale = 0.001\n'):
    for stem in ("a1", "b2"):
        save(root / f"rgb/{stem}.jpg", picture())
        save(root / f"depth/{stem}.png", millimetres())
    if text:
        (root / SETTINGS).write_text(text)


def samples(root):
    return list(images_and_depths.iter_samples(root))


def test_four_lines_make_a_data_set(tmp_path):
    write_folder(tmp_path)
    first, second = samples(tmp_path)
    assert (first.name, second.name) == ("a1", "b2")
    assert str(first.depth.kind) == "depth/metric"
    np.testing.assert_allclose(first.depth.values[0, :3], [0, 1.001, 1.002], rtol=1e-6)
    assert first.depth.valid.sum() == 48 * 64 - 1
    assert first.camera is None
    assert first.depth.source == tmp_path.name


def test_a_folder_without_settings_is_told_the_lines_for_its_own_files(tmp_path):
    write_folder(tmp_path, text="")
    with pytest.raises(LeadlineError) as caught:
        samples(tmp_path)
    words = str(caught.value)
    assert 'images = "rgb/*.jpg", depths = "depth/*.png", kind = "depth/metric", scale = 0.001' in words
    assert "which holds depth/a1.png, rgb/a1.jpg" in words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        (("shot_001_color.png", "shot_001_depth.png"), 'images = "*_color.png", depths = "*_depth.png"'),
        (("scene/left/1.jpg", "scene/truth/1.exr"), 'images = "scene/left/*.jpg", depths = "scene/truth/*.exr"'),
        ((), 'images = "rgb/*.jpg", depths = "depth/*.png"'),
    ],
)
def test_the_lines_are_guessed_from_the_files_that_are_there(tmp_path, files, lines):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(LeadlineError) as caught:
        samples(tmp_path)
    assert lines in str(caught.value)


def test_the_guessed_lines_work_as_they_are(tmp_path):
    save(tmp_path / "shot_001_color.png", picture())
    save(tmp_path / "shot_001_depth.png", millimetres())
    with pytest.raises(LeadlineError) as caught:
        samples(tmp_path)
    lines = str(caught.value).partition("lines like ")[2].partition(" (metres")[0]
    (tmp_path / SETTINGS).write_text(lines.replace(", ", "\n"))
    assert [sample.name for sample in samples(tmp_path)] == ["shot_001"]


@pytest.mark.parametrize(
    ("images", "depths", "picture_at", "depth_at", "name"),
    [
        ("*_color.png", "*_depth.png", "x_7_color.png", "x_7_depth.png", "x_7"),
        ("*.png", "*_depth.png", "x.png", "x_depth.png", "x"),
        ("*/rgb/*.jpg", "*/d/*.png", "kitchen/rgb/01.jpg", "kitchen/d/01.png", "kitchen/01"),
        ("**/rgb/*.jpg", "maps/**/*.png", "a/b/rgb/01.jpg", "maps/a/b/01.png", "a/b/01"),
        ("cam?/*.jpg", "depth?/*.png", "cam2/5.jpg", "depth2/5.png", "2/5"),
        ("one.jpg", "its.png", "one.jpg", "its.png", "one"),
    ],
)
def test_what_the_wildcards_stand_for_goes_from_the_picture_to_its_depth(tmp_path, images, depths, picture_at, depth_at, name):
    save(tmp_path / picture_at, picture())
    save(tmp_path / depth_at, millimetres())
    dataset = make_dataset(ImageLayout(images, depths, convention="nyu"))
    assert dataset.names(tmp_path) == [name]
    assert dataset.read(tmp_path, name).depth.values[1, 0] == 1.0


@pytest.mark.parametrize(
    ("settings", "first", "valid"),
    [
        ("scale = 0.001\ninvalid = [0, 65535]", 65535, False),
        ("scale = 0.001", 65535, True),
        ("scale = 0.001\ninvalid = []", 0, False),  # a depth of 0 is none, whatever is said
    ],
)
def test_invalid_lists_the_numbers_in_the_files(tmp_path, settings, first, valid):
    write_folder(tmp_path, f'images = "rgb/*.jpg"\ndepths = "depth/*.png"\nkind = "depth/metric"\n{settings}\n')
    save(tmp_path / "depth/a1.png", millimetres(first))
    assert samples(tmp_path)[0].depth.valid[0, 0] == valid


def test_floats_may_have_a_scale_and_no_sign_is_wrong_for_a_relative_disparity(tmp_path):
    save(tmp_path / "a.png", picture())
    values = np.linspace(-100, 300, 48 * 64).reshape(HW).astype(np.float32)
    values[3, 3] = np.nan
    np.save(tmp_path / "a.npy", values)
    centimetres = make_dataset(ImageLayout("*.png", "*.npy", Kind.parse("depth/metric"), scale=0.01))
    depth = next(centimetres.iter_samples(tmp_path)).depth
    assert depth.values.max() == pytest.approx(3.0)
    assert depth.valid.sum() == (values > 0).sum()
    relative = make_dataset(ImageLayout("*.png", "*.npy", Kind.parse("disparity/affine_invariant"), invalid=()))
    depth = next(relative.iter_samples(tmp_path)).depth
    assert depth.valid.sum() == 48 * 64 - 1
    assert depth.values.min() == -100


def test_files_with_a_header_need_no_kind(tmp_path):
    camera = Camera.from_fov_deg(60, HW)
    save(tmp_path / "rgb/a.jpg", picture())
    (tmp_path / "depth").mkdir()
    write_depth(tmp_path / "depth/a.png", DepthMap(np.full(HW, 2.5), camera=camera, source="scanner"))
    (tmp_path / SETTINGS).write_text('images = "rgb/*.jpg"\ndepths = "depth/*.png"\n')
    (sample,) = samples(tmp_path)
    assert sample.depth.values.max() == 2.5
    assert sample.camera == camera
    assert sample.depth.source == "scanner"
    (tmp_path / SETTINGS).write_text('images = "rgb/*.jpg"\ndepths = "depth/*.png"\nkind = "disparity/metric"\nscale = 0.1')
    with pytest.raises(LeadlineError, match="its header says depth/metric and how it is stored; leave kind and scale out"):
        samples(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fov_deg = 90", Camera(64, 48, 32, 32, 32, 24)),
        ("focal_px = 50", Camera(64, 48, 50, 50, 32, 24)),
        # OpenCV puts the first pixel's centre at 0, this project at 0.5.
        ("fx = 50\nfy = 51\ncx = 31.5\ncy = 23.5", Camera(64, 48, 50, 51, 32, 24)),
        ("fx = 50\nfy = 51\ncx = 32\ncy = 24\nfirst_pixel_centre = 0.5", Camera(64, 48, 50, 51, 32, 24)),
        ("fx = 500\nfy = 510\ncx = 319.5\ncy = 239.5\nwidth = 640\nheight = 480", Camera(64, 48, 50, 51, 32, 24)),
    ],
)
def test_a_camera_is_a_matrix_a_focal_length_or_an_angle(tmp_path, text, expected):
    write_folder(tmp_path)
    (tmp_path / SETTINGS).write_text((tmp_path / SETTINGS).read_text() + f"[camera]\n{text}\n")
    sample = samples(tmp_path)[0]
    assert sample.depth.camera == sample.camera
    for name in ("width", "height", "fx", "fy", "cx", "cy"):
        assert getattr(sample.camera, name) == pytest.approx(getattr(expected, name)), name


def test_a_larger_picture_is_averaged_down_to_its_depth_and_its_camera_with_it(tmp_path):
    save(tmp_path / "rgb/a.jpg", picture((96, 128)))
    save(tmp_path / "depth/a.png", millimetres())
    layout = ImageLayout("rgb/*.jpg", "depth/*.png", convention="nyu", camera=CameraSettings(focal_px=100))
    (sample,) = make_dataset(layout).iter_samples(tmp_path)
    assert sample.image.shape == (*HW, 3)
    assert sample.camera == Camera(64, 48, 50, 50, 32, 24)
    save(tmp_path / "rgb/a.jpg", picture((96, 160)))
    with pytest.raises(LeadlineError, match=r"depth/a\.png: 64 x 48 pixels beside a picture of 160 x 96"):
        next(make_dataset(layout).iter_samples(tmp_path))


GOOD = 'images = "rgb/*.jpg"\ndepths = "depth/*.png"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("images = rgb/*.jpg", "not TOML .* expected lines like"),
        ('depths = "depth/*.png"', 'no images: expected images = "rgb/'),
        ('images = "rgb/*.jpg"', 'no depths: expected depths = "depth/'),
        (GOOD + "sacle = 0.001", "unknown setting 'sacle': expected images, depths, kind, scale"),
        (GOOD + 'kind = "metres"', "unknown kind 'metres': expected QUANTITY/AMBIGUITY"),
        (GOOD + 'kind = "depth/metric"\nscale = "mm"', "scale = 'mm': expected a number without quotes"),
        (GOOD + 'kind = "depth/metric"\nscale = 0', "scale = 0.0: expected a positive number"),
        (GOOD + "scale = 0.001", 'scale = 0.001 without a kind: expected kind = "depth/metric"'),
        (GOOD + 'convention = "nyuu"', "unknown depth convention 'nyuu'"),
        (GOOD + 'convention = "nyu"\nscale = 0.001\nkind = "depth/metric"', "leave those two out"),
        (GOOD + "invalid = 0", r"invalid = 0: expected a list of numbers, such as invalid = \[0, 65535\]"),
        (
            GOOD + 'kind = "depth/metric"',
            "holds integers .up to 1063., and nothing says what one is worth in m: expected a scale",
        ),
        (GOOD, 'kind = "depth/metric" and scale = 0.001'),
        (GOOD + "[camera]\nfx = 500", "expected one of these"),
        (GOOD + "[camera]\nfov_deg = 60\nfocal_px = 500", "expected one of these"),
        (GOOD + "[camera]\nfov = 60", "unknown setting 'fov': expected fx, fy"),
        (GOOD + "camera = 60", r"expected a table \[camera\]"),
        ('images = "rgb/*/*.jpg"\ndepths = "depth/*.png"', "2 wildcards, .* has 1: expected as many"),
        ('images = "/rgb/*.jpg"\ndepths = "depth/*.png"', "expected a path below the folder"),
        ('images = "../rgb/*.jpg"\ndepths = "depth/*.png"', "expected a path below the folder"),
        (
            'images = "photos/*.jpg"\ndepths = "depth/*.png"',
            'no file matches images = "photos.*which holds depth/a1.png, rgb/a1',
        ),
        ('images = "rgb/*.jpg"\ndepths = "z/*.png"\nconvention = "nyu"', "none of 2 pictures has its depth; expected z/a1.png"),
        ('images = "rgb/*.jpg"\ndepths = "rgb/*.jpg"\nkind = "depth/metric"', "no file matches images"),
    ],
)
def test_wrong_settings_say_in_one_line_what_to_write(tmp_path, text, words):
    write_folder(tmp_path, text)
    with pytest.raises(LeadlineError, match=words) as caught:
        samples(tmp_path)
    assert "\n" not in str(caught.value)


def test_one_missing_or_coloured_depth_names_the_file_and_the_others_are_read(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "depth/a1.png").unlink()
    with pytest.raises(LeadlineError, match=r"depth/a1\.png"):
        images_and_depths.DATASET.read(tmp_path, "a1")
    assert images_and_depths.DATASET.read(tmp_path, "b2").depth.valid.any()
    save(tmp_path / "depth/a1.png", picture())
    with pytest.raises(LeadlineError, match=r"depth/a1\.png: .*this is a picture, not a depth map"):
        images_and_depths.DATASET.read(tmp_path, "a1")
    with pytest.raises(LeadlineError, match="no sample 'c3'"):
        images_and_depths.DATASET.read(tmp_path, "c3")


def test_pictures_that_came_since_are_found_by_the_next_listing(tmp_path):
    write_folder(tmp_path)
    assert len(samples(tmp_path)) == 2
    save(tmp_path / "rgb/c3.jpg", picture())
    save(tmp_path / "depth/c3.png", millimetres())
    assert [sample.name for sample in samples(tmp_path)] == ["a1", "b2", "c3"]


def test_data_check_finds_a_scale_that_is_a_thousand_times_too_large(tmp_path):
    write_folder(tmp_path, GOOD + 'kind = "depth/metric"\nscale = 1\n')
    assert "1000" in str(check(tmp_path, "images_and_depths"))


def test_the_settings_camera_is_that_of_the_size_that_is_asked_for():
    settings = CameraSettings(fx=500, fy=510, cx=320, cy=240, width=640, height=480, first_pixel_centre=0.5)
    assert settings.camera((48, 64)) == Camera(64, 48, 50, 51, 32, 24)


def test_shrinking_averages_instead_of_picking():
    stripes = np.tile(np.array([0, 200], np.uint8)[None, :, None], (96, 64, 3))
    assert (picture_at(stripes, HW, "stripes") == 100).all()
    assert picture_at(stripes, (96, 128), "stripes") is stripes


REAL = Path(__file__).parents[4].parent / "shared" / "data" / "dev"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real samples (../shared/data) are not on this machine")
def test_a_real_sensor_reads_as_its_own_reader_reads_it():
    layout = ImageLayout("color/*.png", "depth/*.png", Kind.parse("depth/metric"), 0.001)
    ours = make_dataset(layout).iter_samples(REAL / "home_realsense")
    theirs = get_dataset("home_realsense").iter_samples(REAL / "home_realsense")
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.image, its.image)
        np.testing.assert_array_equal(mine.depth.values, its.depth.values)
        np.testing.assert_array_equal(mine.depth.valid, its.depth.valid)
