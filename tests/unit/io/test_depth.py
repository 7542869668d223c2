"""Every format brings back every kind of map, with all that its header can hold."""

import inspect
import json
import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.io import depth as depth_io
from leadline.io.depth import FORMATS, read_depth, read_header, write_depth
from leadline.io.header import software

KINDS = [Kind(quantity, ambiguity) for quantity in Quantity for ambiguity in Ambiguity]
SUFFIXES = list(FORMATS)
WITH_HEADER = [suffix for suffix in SUFFIXES if suffix not in (".pfm", ".npy")]
SOURCE = "leadline-s.v1 – Tiefe 深度"


def some_map(kind: Kind, hw=(9, 13)) -> DepthMap:
    rng = np.random.default_rng(3)
    camera = Camera(hw[1], hw[0], 11.5, 12.25, 6.1, 4.7, distortion=(0.1, -0.2, 0.001, 0.002))
    return DepthMap(rng.uniform(0.5, 9, hw), rng.random(hw) > 0.2, kind, camera, SOURCE)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_values_validity_and_meaning_come_back(tmp_path, suffix, kind):
    path, depth = tmp_path / f"a b – 深度{suffix}", some_map(kind)
    write_depth(path, depth)
    back = read_depth(path, kind=None if suffix in WITH_HEADER else kind)
    tolerance = float(read_header(path)["scale"]) / 2 if suffix == ".png" else 0
    np.testing.assert_allclose(back.values, depth.values, rtol=0, atol=tolerance * 1.001)
    np.testing.assert_array_equal(back.valid, depth.valid)
    assert back.kind == kind
    if suffix in WITH_HEADER:
        assert back.camera == depth.camera
        assert back.source == SOURCE
        assert read_header(path)["software"] == software()
        assert read_header(path).get("unit", "") == kind.unit
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_map_of_unknown_camera_and_source_comes_back_as_such(tmp_path, suffix):
    write_depth(tmp_path / f"a{suffix}", DepthMap([[1.0, 2.0]]))
    back = read_depth(tmp_path / f"a{suffix}", kind="depth/metric")
    assert back.camera is None
    assert back.source == ""


@pytest.mark.parametrize("suffix", [".npz", ".exr", ".tiff", ".pfm", ".npy"])
def test_zero_and_negative_values_of_float_files_are_values(tmp_path, suffix):
    depth = DepthMap([[0.0, -2.0, 3.0]], kind="disparity/affine_invariant")
    write_depth(tmp_path / f"a{suffix}", depth)
    back = read_depth(tmp_path / f"a{suffix}", kind=depth.kind)
    assert back.valid.all()
    assert back.values.tolist() == [[0.0, -2.0, 3.0]]


def test_npz_is_the_fixed_contract_of_scripts(tmp_path):
    depth = some_map(KINDS[0])
    write_depth(tmp_path / "a.npz", depth)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"values", "valid", "kind", "unit", "camera", "source", "software"}
        assert archive["values"].dtype == np.float32
        assert archive["valid"].dtype == bool
        assert str(archive["kind"]) == "depth/metric"
        assert archive["kind"].shape == ()
        assert json.loads(str(archive["camera"])) == depth.camera.to_dict()


def test_pfm_rows_run_bottom_up_and_infinity_is_unknown(tmp_path):
    write_depth(tmp_path / "a.pfm", DepthMap([[1.0, 2.0], [3.0, 4.0]], [[True, False], [True, True]]))
    assert (tmp_path / "a.pfm").read_bytes() == b"Pf\n2 2\n-1.0\n" + np.array([3, 4, 1, np.inf], "<f4").tobytes()


def test_pfm_of_the_other_byte_order_is_read(tmp_path):
    (tmp_path / "a.pfm").write_bytes(b"Pf\n2 1\n1.0\n" + np.array([1.5, np.inf], ">f4").tobytes())
    back = read_depth(tmp_path / "a.pfm", kind="pixel_disparity/metric")
    assert back.values.tolist() == [[1.5, 0]]
    assert back.valid.tolist() == [[True, False]]


def test_pfm_agrees_with_opencv(tmp_path):
    depth = some_map(KINDS[0])
    write_depth(tmp_path / "a.pfm", depth)
    other = cv2.imread(str(tmp_path / "a.pfm"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(np.where(np.isfinite(other), other, 0), depth.values)


def test_half_exr_keeps_eleven_bits_and_refuses_what_would_become_infinite(tmp_path):
    depth = some_map(KINDS[0])
    write_depth(tmp_path / "a.exr", depth, dtype="half")
    np.testing.assert_allclose(read_depth(tmp_path / "a.exr").values, depth.values, rtol=2**-11)
    with pytest.raises(LeadlineError, match=r"70000 in a half-float EXR: expected at most 65504; use dtype='float'"):
        write_depth(tmp_path / "b.exr", DepthMap([[70000.0]]), dtype="half")
    assert not (tmp_path / "b.exr").exists()


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz"])
@pytest.mark.parametrize("dtype", ["half", "float"])
def test_every_exr_compression_is_lossless(tmp_path, compression, dtype):
    depth = DepthMap(np.arange(12.0).reshape(3, 4) / 8)
    write_depth(tmp_path / "a.exr", depth, compression=compression, dtype=dtype)
    np.testing.assert_array_equal(read_depth(tmp_path / "a.exr").values, depth.values)


@pytest.mark.parametrize(("kind", "channel"), [("depth/metric", "Z"), ("ray_distance/metric", "Z"), ("disparity/metric", "Y")])
def test_exr_channels_have_the_names_that_other_programs_expect(tmp_path, kind, channel):
    import OpenEXR

    write_depth(tmp_path / "a.exr", DepthMap([[1.0, 2.0]], [[True, False]], kind))
    with OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        assert list(file.channels()) == [channel]
        assert np.isnan(file.channels()[channel].pixels).tolist() == [[False, True]]
        assert file.header()["kind"] == kind


def test_exr_of_a_renderer_is_read_from_its_red_channel(tmp_path):
    import OpenEXR

    pixels = np.full((2, 3, 3), 1.25, np.float32)
    pixels[0, 0] = np.inf
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, {"RGB": pixels}) as file:
        file.write(str(tmp_path / "a.exr"))
    back = read_depth(tmp_path / "a.exr", kind="depth/metric")
    assert back.values.tolist() == [[0, 1.25, 1.25], [1.25] * 3]
    assert back.valid.sum() == 5


def test_tiff_is_read_by_opencv_and_says_what_it_is_in_its_description(tmp_path):
    from PIL import Image

    depth = some_map(KINDS[0])
    write_depth(tmp_path / "a.tiff", depth)
    np.testing.assert_array_equal(np.nan_to_num(cv2.imread(str(tmp_path / "a.tiff"), cv2.IMREAD_UNCHANGED)), depth.values)
    with Image.open(tmp_path / "a.tiff") as image:
        assert json.loads(image.tag_v2[270])["kind"] == "depth/metric"
        assert image.tag_v2[42113].strip("\0") == "nan"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_integers_of_other_programs_need_a_scale(tmp_path, suffix):
    cv2.imwrite(str(tmp_path / f"a{suffix}"), np.array([[0, 1500]], np.uint16))
    with pytest.raises(LeadlineError, match=r"doesn't say what its numbers are: give kind="):
        read_depth(tmp_path / f"a{suffix}")
    with pytest.raises(LeadlineError, match=r"nothing says what one is worth in m: give convention="):
        read_depth(tmp_path / f"a{suffix}", kind="depth/metric")
    back = read_depth(tmp_path / f"a{suffix}", kind="depth/metric", scale=0.001)
    assert back.values.tolist() == [[0, 1.5]]
    assert back.valid.tolist() == [[False, True]]
    relative = read_depth(tmp_path / f"a{suffix}", kind="disparity/affine_invariant")
    assert relative.values.tolist() == [[0, 1500]]


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_integer_arrays_are_counts_too(tmp_path, suffix):
    with (tmp_path / f"a{suffix}").open("wb") as file:
        (np.save if suffix == ".npy" else np.savez)(file, np.array([[0, 1500]], np.int32))
    assert read_depth(tmp_path / f"a{suffix}", kind="depth/metric", scale=0.001).values.tolist() == [[0, 1.5]]


def test_a_scale_for_floats_is_refused(tmp_path):
    write_depth(tmp_path / "a.npz", DepthMap([[1.0]]))
    with pytest.raises(LeadlineError, match="values already"):
        read_depth(tmp_path / "a.npz", scale=0.001)


@pytest.mark.parametrize("suffix", WITH_HEADER)
def test_a_caller_who_contradicts_the_header_is_told(tmp_path, suffix):
    write_depth(tmp_path / f"a{suffix}", DepthMap([[1.0, 2.0]], kind="disparity/affine_invariant"))
    with pytest.raises(LeadlineError, match=r"its header says disparity/affine_invariant, you said depth/metric"):
        read_depth(tmp_path / f"a{suffix}", kind="depth/metric")
    with pytest.raises(
        LeadlineError, match=r"its header says disparity/affine_invariant, but the nyu convention is depth/metric"
    ):
        read_depth(tmp_path / f"a{suffix}", convention="nyu")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"Dear Sir or Madam", "half"])
def test_damaged_files_are_one_line(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    write_depth(path, some_map(KINDS[0], hw=(60, 80)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(LeadlineError, match=r"can't read .*a\.") as caught:
        read_depth(path, kind="depth/metric")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_files_are_one_line(tmp_path, suffix):
    with pytest.raises(LeadlineError, match="no file"):
        read_depth(tmp_path / f"a{suffix}")


def test_an_object_array_is_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(LeadlineError, match="not a NumPy array"):
        read_depth(tmp_path / "a.npy", kind="depth/metric")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pfm"])
def test_colour_pictures_are_not_depth(tmp_path, suffix):
    picture = np.zeros((4, 5, 3), np.float32 if suffix == ".pfm" else np.uint8)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), picture)
    with pytest.raises(LeadlineError, match="this is a picture, not a depth map"):
        read_depth(tmp_path / f"a{suffix}", kind="depth/metric")


def test_an_unknown_suffix_lists_the_formats(tmp_path):
    with pytest.raises(LeadlineError, match=r"depth format '.jpg': expected one of png16, pfm, npy, npz, exr, tiff"):
        write_depth(tmp_path / "a.jpg", DepthMap([[1.0]]))


def test_the_format_can_be_named_against_the_suffix(tmp_path):
    write_depth(tmp_path / "a.bin", DepthMap([[1.0]]), format="npz")
    assert read_depth(tmp_path / "a.bin", format="npz").values.tolist() == [[1.0]]


def test_an_unknown_option_is_named(tmp_path):
    with pytest.raises(LeadlineError, match=r"unknown option 'dtype' for a\.pfm: expected one of none"):
        write_depth(tmp_path / "a.pfm", DepthMap([[1.0]]), dtype="half")
    assert list(tmp_path.iterdir()) == []


def test_foreign_texts_with_our_names_are_not_believed(tmp_path):
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    for name, text in {"kind": "portrait", "camera": "Leica", "source": "scanner", "scale": "2"}.items():
        info.add_text(name, text)
    Image.fromarray(np.array([[7]], np.uint16)).save(tmp_path / "a.png", pnginfo=info)
    back = read_depth(tmp_path / "a.png", kind="disparity/ordinal")
    assert back.values.tolist() == [[7]]
    assert back.camera is None
    assert back.source == ""


def test_the_docstring_lists_the_options_that_exist():
    for name in ("png16", "exr"):
        codec = depth_io._format(depth_io.Path("a"), name)
        for option, parameter in inspect.signature(codec.write).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                assert option in (write_depth.__doc__ or "")


def test_a_full_disk_is_one_line_in_every_format_and_leaves_nothing(tmp_path):
    pytest.importorskip("resource", reason="limits the size of files on Unix alone")
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        import numpy as np
        from leadline.depth_map import DepthMap
        from leadline.errors import LeadlineError
        from leadline.io.cloud import write_glb, write_ply
        from leadline.io.depth import FORMATS, write_depth
        from leadline.io.preview import write_preview
        folder = Path(sys.argv[1])
        depth = DepthMap(np.random.default_rng(0).uniform(1, 9, (200, 200)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))  # a write beyond it fails as on a full disk
        writers = {"a" + suffix: write_depth for suffix in FORMATS}
        writers |= {"a.ply": write_ply, "a.glb": write_glb, "a.preview.png": write_preview}
        for name, write in writers.items():
            try:
                write(folder / name, depth)
            except LeadlineError as error:
                print(error)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(SUFFIXES) + 3, done.stdout + done.stderr
    assert all("can't write" in line and "full" in line for line in lines), done.stdout
    assert list(tmp_path.iterdir()) == []
