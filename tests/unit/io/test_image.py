"""Pictures of every kind, upright and in sRGB, or one line that says why not."""

import io
import struct
import sys
import threading

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.unit.io.icc_profile import ADOBE_XYZ_FROM_RGB, SRGB_XYZ_FROM_RGB, rgb_profile

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.io.image import list_images, read_image
from leadline.io.jpeg import is_whole

ORIENTATION, EXIF_BLOCK, FOCAL_35MM = 0x0112, 0x8769, 0xA405


def scene(height: int = 40, width: int = 60) -> np.ndarray:
    """Return smooth colours without any symmetry: red grows to the right, green downwards, blue at the top left."""
    y, x = np.mgrid[:height, :width]
    blue = 255 * np.exp(-(x + y) / 20)
    return np.stack([x * 255 / width, y * 255 / height, blue], axis=-1).round().astype(np.uint8)


def exif(orientation: int = 1, focal_35mm: int = 0) -> bytes:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    if focal_35mm:
        block.get_ifd(EXIF_BLOCK)[FOCAL_35MM] = focal_35mm
    return block.tobytes()


def worst(a: np.ndarray, b: np.ndarray) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def saved(path, picture, **options):
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)
    return path


# --- kinds of files


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".ppm"])
def test_lossless_files_come_back_exactly(tmp_path, suffix):
    photo = read_image(saved(tmp_path / f"a{suffix}", scene()))
    assert worst(photo.pixels, scene()) == 0
    assert photo.hw_full == (40, 60)
    assert photo.camera is None
    assert photo.pixels.flags.writeable
    assert photo.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".gif"])
def test_lossy_files_come_back_nearly(tmp_path, suffix):
    options = {} if suffix == ".gif" else {"quality": 95}
    photo = read_image(saved(tmp_path / f"a{suffix}", scene(), **options))
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 6


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    first, second = Image.new("RGB", (8, 8), (200, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 200))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert read_image(tmp_path / "a.gif").pixels[0, 0].tolist() == [200, 0, 0]


def test_the_content_decides_and_not_the_suffix(tmp_path):
    saved(tmp_path / "a.png", scene())
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert worst(read_image(tmp_path / "a.jpg").pixels, scene()) == 0


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_is_repeated_over_the_channels(tmp_path, mode):
    grey = Image.fromarray(scene()).convert("L").convert(mode)
    photo = read_image(saved(tmp_path / "a.png", grey))
    assert worst(photo.pixels, np.asarray(grey.convert("RGB"))) == 0


def test_a_grey_jpeg_has_three_equal_channels(tmp_path):
    photo = read_image(saved(tmp_path / "a.jpg", Image.fromarray(scene()).convert("L"), quality=95))
    assert photo.pixels.shape == (40, 60, 3)
    assert (photo.pixels == photo.pixels[..., :1]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_png_is_scaled_to_eight(tmp_path, channels):
    levels = scene()[..., :channels].squeeze()
    cv2.imwrite(str(tmp_path / "a.png"), (levels[..., ::-1] if channels == 3 else levels).astype(np.uint16) * 257)
    expected = levels if channels == 3 else np.repeat(levels[..., None], 3, axis=2)
    assert worst(read_image(tmp_path / "a.png").pixels, expected) <= 1


def test_sixteen_bit_grey_is_not_clipped_to_white(tmp_path):
    # Pillow's own conversion of 16-bit grey to 8-bit saturates everything above 255.
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[0, 300, 32768, 65535]], np.uint16))
    assert read_image(tmp_path / "a.png").pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_palette_is_looked_up(tmp_path):
    palette = Image.fromarray(scene()).quantize(32)
    photo = read_image(saved(tmp_path / "a.png", palette))
    assert worst(photo.pixels, np.asarray(palette.convert("RGB"))) == 0


def test_a_transparent_palette_entry_is_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])
    photo = read_image(saved(tmp_path / "a.png", palette, transparency=0))
    assert photo.pixels[0].tolist() == [[255, 255, 255], [200, 100, 50]]


def test_alpha_is_laid_on_white(tmp_path):
    rgba = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [0, 0, 0, 128]]], np.uint8)
    photo = read_image(saved(tmp_path / "a.png", Image.fromarray(rgba)))
    assert photo.pixels[0, 0].tolist() == [200, 100, 50]
    assert photo.pixels[0, 1].tolist() == [255, 255, 255]
    assert worst(photo.pixels[:, 2:], np.full((1, 1, 3), 127, np.uint8)) <= 1


def test_heic_is_read_where_its_package_is(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    heif.from_pillow(Image.fromarray(scene(64, 48))).save(tmp_path / "a.heic", quality=95)
    photo = read_image(tmp_path / "a.heic")
    assert photo.hw_full == (64, 48)
    assert np.abs(photo.pixels.astype(int) - scene(64, 48)).mean() < 6


def test_heic_without_its_package_names_the_command(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(LeadlineError, match=r"pip install leadline\[heic\]"):
        read_image(tmp_path / "a.heic")


# --- colour


def test_cmyk_jpeg_of_adobe_has_its_ink_the_right_way_round(tmp_path):
    cmyk = Image.fromarray(scene()).convert("CMYK")
    saved(tmp_path / "a.jpg", cmyk, quality=95)
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    assert worst(read_image(tmp_path / "a.jpg").pixels, scene()) < 16


def test_cmyk_jpeg_without_adobes_mark_is_not_inverted(tmp_path):
    # Pillow writes inverted ink and Adobe's mark; inverted once more and with the mark cut out it is a plain CMYK file.
    inverted = Image.fromarray(255 - np.asarray(Image.fromarray(scene()).convert("CMYK")), "CMYK")
    data = saved(tmp_path / "a.jpg", inverted, quality=95).read_bytes()
    mark = data.index(b"\xff\xee")
    length = struct.unpack(">H", data[mark + 2 : mark + 4])[0]
    (tmp_path / "b.jpg").write_bytes(data[:mark] + data[mark + 2 + length :])
    assert worst(read_image(tmp_path / "b.jpg").pixels, scene()) < 16


def test_cmyk_tiff_is_converted(tmp_path):
    assert worst(read_image(saved(tmp_path / "a.tif", Image.fromarray(scene()).convert("CMYK"))).pixels, scene()) <= 1


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_adobe_rgb_is_converted_to_srgb(tmp_path, suffix):
    pytest.importorskip("PIL.ImageCms", reason="Pillow was built without LittleCMS")
    adobe = np.empty((16, 16, 3), np.uint8)
    adobe[:] = (120, 160, 90)
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    profile = rgb_profile("Adobe RGB (1998)", ADOBE_XYZ_FROM_RGB, 563 / 256)
    photo = read_image(saved(tmp_path / f"a{suffix}", adobe, icc_profile=profile, **options))
    linear = np.linalg.inv(SRGB_XYZ_FROM_RGB) @ ADOBE_XYZ_FROM_RGB @ (adobe[0, 0] / 255) ** (563 / 256)
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(photo.pixels[8, 8], expected, atol=2)
    assert np.abs(expected - adobe[0, 0]).max() > 10  # else the test could not fail


def test_a_profile_that_says_srgb_changes_nothing(tmp_path):
    profile = rgb_profile("my sRGB", SRGB_XYZ_FROM_RGB, 2.2)
    assert worst(read_image(saved(tmp_path / "a.png", scene(), icc_profile=profile)).pixels, scene()) == 0


def test_a_broken_profile_costs_the_profile_and_not_the_picture(tmp_path):
    assert worst(read_image(saved(tmp_path / "a.png", scene(), icc_profile=b"not a profile")).pixels, scene()) == 0


# --- TIFF of numbers


def write_float_tiff(path, values):
    cv2.imwrite(str(path), values.astype(np.float32)[..., ::-1] if values.ndim == 3 else values.astype(np.float32))
    return path


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 3)])
def test_a_float_tiff_between_0_and_1_is_a_picture(tmp_path, shape):
    values = np.random.default_rng(0).random(shape)
    photo = read_image(write_float_tiff(tmp_path / "a.tif", values))
    expected = np.rint(values.astype(np.float32) * 255).astype(np.uint8)
    assert worst(photo.pixels, expected if values.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)) == 0


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 3)])
def test_nan_in_a_float_tiff_is_an_error_that_counts(tmp_path, shape):
    values = np.random.default_rng(0).random(shape)
    values.reshape(-1)[[3, 8]] = np.nan
    with pytest.raises(LeadlineError, match=f"2 of {values.size} numbers are NaN"):
        read_image(write_float_tiff(tmp_path / "a.tif", values))


def test_a_float_tiff_beyond_1_names_its_range(tmp_path):
    with pytest.raises(LeadlineError, match=r"floats from 0 to 40: expected 0..1; divide"):
        read_image(write_float_tiff(tmp_path / "a.tif", np.array([[0.0, 40.0]])))


@pytest.mark.parametrize("data", [b"II*\0", b"MM\0*\0\0", b"II+\0\x08\0\0\0"])
def test_a_tiff_that_ends_in_its_header_is_one_line(tmp_path, data):
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(LeadlineError):
        read_image(tmp_path / "a.tif")


def test_sixteen_bit_tiff_is_scaled(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), scene()[..., ::-1].astype(np.uint16) * 257)
    assert worst(read_image(tmp_path / "a.tif").pixels, scene()) <= 1


def test_sixteen_bit_planes_are_refused_because_they_would_be_read_wrongly(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="writes the file")
    planes = scene().transpose(2, 0, 1).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(LeadlineError, match="16-bit integers in separate planes"):
        read_image(tmp_path / "a.tif")


# --- orientation and camera

# What a viewer shows of a stored picture: the standard's words for where its row 0 and column 0 lie.
SHOWN = {
    1: lambda a: a,  # top, left
    2: lambda a: a[:, ::-1],  # top, right
    3: lambda a: np.rot90(a, 2),  # bottom, right
    4: lambda a: a[::-1],  # bottom, left
    5: lambda a: a.transpose(1, 0, 2),  # left, top
    6: lambda a: np.rot90(a, -1),  # right, top: turn clockwise
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),  # right, bottom
    8: lambda a: np.rot90(a),  # left, bottom: turn anticlockwise
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("suffix", "tolerance"), [(".jpg", 24), (".png", 0), (".tif", 0), (".webp", 0)])
def test_every_exif_orientation_is_applied_once(tmp_path, suffix, tolerance, orientation):
    options = {".jpg": {"quality": 95}, ".webp": {"lossless": True}}.get(suffix, {})
    path = saved(tmp_path / f"a{suffix}", scene(), exif=exif(orientation, focal_35mm=28), **options)
    photo = read_image(path)
    assert worst(photo.pixels, SHOWN[orientation](scene())) <= tolerance
    assert photo.hw_full == photo.pixels.shape[:2]
    assert photo.camera == Camera.from_focal_35mm(28, photo.hw_full)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_nonsense_orientation_is_ignored(tmp_path, orientation):
    assert worst(read_image(saved(tmp_path / "a.png", scene(), exif=exif(orientation))).pixels, scene()) == 0


def test_an_impossible_focal_length_costs_the_camera_and_not_the_picture(tmp_path):
    assert read_image(saved(tmp_path / "a.jpg", scene(), exif=exif(focal_35mm=1))).camera is None


# --- smaller JPEGs


@pytest.mark.parametrize(
    ("at_least", "longer"), [(None, 640), (640, 640), (321, 640), (320, 320), (100, 160), (80, 80), (3, 80)]
)
@pytest.mark.parametrize("mode", ["RGB", "CMYK"])  # the fast and the careful route
def test_a_jpeg_is_decoded_no_larger_than_needed(tmp_path, at_least, longer, mode):
    picture = Image.fromarray(scene(480, 640)).convert(mode)
    path = saved(tmp_path / "a.jpg", picture, quality=95, exif=exif(6, focal_35mm=28))
    photo = read_image(path, at_least=at_least)
    assert photo.pixels.shape == (longer, longer * 3 // 4, 3)
    assert photo.hw_full == (640, 480)
    assert photo.camera == Camera.from_focal_35mm(28, (640, 480))
    expected = cv2.resize(np.rot90(scene(480, 640), -1), (longer * 3 // 4, longer), interpolation=cv2.INTER_AREA)
    assert np.abs(photo.pixels.astype(int) - expected).mean() < 3


def test_odd_sizes_are_rounded_up_by_both_routes(tmp_path):
    for mode in ("RGB", "CMYK"):
        path = saved(tmp_path / f"{mode}.jpg", Image.fromarray(scene(101, 203)).convert(mode))
        assert read_image(path, at_least=26).pixels.shape == (13, 26, 3)


def test_other_formats_keep_their_size(tmp_path):
    assert read_image(saved(tmp_path / "a.png", scene()), at_least=8).pixels.shape == (40, 60, 3)


# --- bad files


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.98])
def test_a_jpeg_that_is_cut_off_is_an_error(tmp_path, mode, share):
    thumbnail = io.BytesIO()
    Image.fromarray(scene(8, 8)).save(thumbnail, "JPEG")  # has an end marker of its own
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    path = saved(tmp_path / "a.jpg", Image.fromarray(noise).convert(mode), comment=thumbnail.getvalue())
    data = path.read_bytes()
    assert is_whole(data)
    assert read_image(path).hw_full == (120, 160)
    start = data.index(b"\xff\xda", data.index(thumbnail.getvalue()) + len(thumbnail.getvalue()))
    path.write_bytes(data[: start + int((len(data) - start) * share)])
    assert not is_whole(path.read_bytes())
    with pytest.raises(LeadlineError, match=r"a\.jpg: the JPEG file is damaged or cut off"):
        read_image(path)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path):
    path = saved(tmp_path / "a.jpg", scene(), quality=95)
    path.write_bytes(path.read_bytes() + b"a phone's trailer" * 9)
    assert read_image(path).pixels.shape == (40, 60, 3)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".gif"])
def test_other_files_that_are_cut_off_are_errors_too(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    path = saved(tmp_path / f"a{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(LeadlineError, match="cut off"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"Dear Sir or Madam", "no picture, or cut off: it starts with b'Dear Sir or '"),
        (b"\xff\xd8\xff", "no picture, or cut off"),
    ],
)
def test_what_is_no_picture_says_what_it_is(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(LeadlineError, match=message) as caught:
        read_image(tmp_path / "a.jpg")
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(LeadlineError, match="no file"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(LeadlineError, match="is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize("hw", [(1, 1), (3, 20000), (20000, 3)])
def test_extreme_sizes_are_read(tmp_path, hw):
    assert read_image(saved(tmp_path / "a.jpg", np.zeros((*hw, 3), np.uint8))).pixels.shape == (*hw, 3)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    # A header that claims 40,000 x 40,000 pixels, with nothing behind it.
    data = bytearray(saved(tmp_path / "a.bmp", scene()).read_bytes())
    data[18:26] = struct.pack("<ii", 40_000, 40_000)
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(LeadlineError, match="40000 x 40000 is 1600 million pixels: at most 250 million"):
        read_image(tmp_path / "a.bmp")


def test_pillows_limit_is_lifted_for_the_reading_and_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    paths = [saved(tmp_path / f"{i}.tif", scene()) for i in range(8)]
    threads = [threading.Thread(target=read_image, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Image.MAX_IMAGE_PIXELS == 100


# --- folders


def test_a_folder_is_listed_in_order_without_hidden_files_and_own_outputs(tmp_path):
    for name in (
        "b.JPG",
        "a.png",
        ".hidden.jpg",
        "notes.txt",
        "a.depth.png",
        "a.preview.png",
        "sub/c.webp",
        ".git/d.png",
        "ü 写.heic",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [p.relative_to(tmp_path).as_posix() for p in list_images(tmp_path)] == ["a.png", "b.JPG", "sub/c.webp", "ü 写.heic"]
    assert [p.name for p in list_images(tmp_path, recursive=False)] == ["a.png", "b.JPG", "ü 写.heic"]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(LeadlineError, match="no folder"):
        list_images(tmp_path / "nowhere")
