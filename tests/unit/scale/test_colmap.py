"""COLMAP models, written here byte by byte in their documented layout, as text and as binary."""

import struct

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.scale.colmap import colmap_points, read_colmap

# A turn of 90 degrees about y takes the world's x axis to the camera's -z, and z to x.
HALF = 0.5**0.5
POSES = {"a/first.jpg": ((1.0, 0, 0, 0), (0, 0, 2.0)), "second.jpg": ((HALF, 0, HALF, 0), (0.5, 0, 3.0))}
POINTS = {7: (0.0, 0.0, 1.0, 0.5, (1, 2)), 9: (-1.0, 0.5, 4.0, 0.4, (1, 2, 1)), 12: (0.1, 0.1, 1.0, 9.0, (1, 2))}
KEYPOINTS = {"a/first.jpg": [(50.0, 30.0, 7), (10.5, 20.5, 9), (3.0, 3.0, -1), (60.0, 30.0, 12)], "second.jpg": [(5.0, 6.0, 9)]}


def write_text(folder):
    (folder / "cameras.txt").write_text("# Camera list\n3 OPENCV 100 60 80 80 50 30 0.1 0 0 0\n")
    lines = ["# Image list"]
    for number, (name, (q, t)) in enumerate(POSES.items(), 1):
        lines.append(" ".join(map(str, [number, *q, *t, 3, name])))
        lines.append(" ".join(f"{x} {y} {i}" for x, y, i in KEYPOINTS[name]))
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    rows = [f"{n} {x} {y} {z} 1 2 3 {e} " + " ".join(f"{v} 0" for v in views) for n, (x, y, z, e, views) in POINTS.items()]
    (folder / "points3D.txt").write_text("# 3D points\n" + "\n".join(rows) + "\n")


def write_binary(folder):
    (folder / "cameras.bin").write_bytes(
        struct.pack("<Q", 1) + struct.pack("<IiQQ", 3, 4, 100, 60) + struct.pack("<8d", 80, 80, 50, 30, 0.1, 0, 0, 0)
    )
    data = struct.pack("<Q", len(POSES))
    for number, (name, (q, t)) in enumerate(POSES.items(), 1):
        data += struct.pack("<I7dI", number, *q, *t, 3) + name.encode() + b"\0" + struct.pack("<Q", len(KEYPOINTS[name]))
        for x, y, i in KEYPOINTS[name]:
            data += struct.pack("<ddQ", x, y, i if i >= 0 else 2**64 - 1)
    (folder / "images.bin").write_bytes(data)
    data = struct.pack("<Q", len(POINTS))
    for n, (x, y, z, e, views) in POINTS.items():
        data += struct.pack("<Q3d3BdQ", n, x, y, z, 1, 2, 3, e, len(views)) + b"".join(struct.pack("<II", v, 0) for v in views)
    (folder / "points3D.bin").write_bytes(data)


@pytest.fixture(params=[write_text, write_binary], ids=["txt", "bin"])
def model(request, tmp_path):
    request.param(tmp_path)
    return read_colmap(tmp_path)


def test_depth_is_the_third_coordinate_in_the_cameras_frame(model):
    points = colmap_points(model, "first.jpg", (60, 100), fewest_views=2)
    assert points.xy.tolist() == [[50, 30], [10.5, 20.5]]
    assert points.distance_m.tolist() == [3, 6]


def test_the_pose_turns_the_world_into_the_camera_and_not_back(model):
    """camera_from_world gives z = -x + 3 = 4; read the other way round it would be x + ... = 2.5."""
    points = colmap_points(model, "second", (60, 100), fewest_views=2)
    assert points.distance_m.tolist() == pytest.approx([4.0])


def test_a_map_of_another_size_gets_the_keypoints_scaled_and_of_another_shape_is_refused(model):
    points = colmap_points(model, "a/first.jpg", (120, 200), fewest_views=2)
    assert points.xy.tolist() == [[100, 60], [21, 41]]
    with pytest.raises(LeadlineError, match="expected one shape"):
        colmap_points(model, "first.jpg", (120, 100), fewest_views=2)


def test_the_reconstructions_unit_is_a_factor(model):
    assert colmap_points(model, "first.jpg", (60, 100), unit_m=0.5, fewest_views=2).distance_m.tolist() == [1.5, 3]
    with pytest.raises(LeadlineError, match="metres of one unit"):
        colmap_points(model, "first.jpg", (60, 100), unit_m=0)


def test_bad_points_are_left_out(model):
    """Point 12 has an error of 9 pixels; point 9 is listed three times but seen by two pictures."""
    assert colmap_points(model, "first.jpg", (60, 100), fewest_views=2, largest_error_px=10).distance_m.tolist() == [3, 6, 3]
    with pytest.raises(LeadlineError, match="in 3 views"):
        colmap_points(model, "first.jpg", (60, 100))


def test_an_unknown_picture_is_refused_with_those_that_are_there(model):
    with pytest.raises(LeadlineError, match=r"a/first.jpg, second.jpg"):
        colmap_points(model, "third.jpg", (60, 100))


def test_a_picture_without_keypoints_does_not_shift_the_next(tmp_path):
    write_text(tmp_path)
    text = (tmp_path / "images.txt").read_text().splitlines()
    (tmp_path / "images.txt").write_text("\n".join([text[0], text[1], "", text[3], text[4]]) + "\n")
    assert [len(view.ids) for view in read_colmap(tmp_path).views] == [0, 1]


def test_a_missing_or_cut_file_is_refused_in_one_line(tmp_path):
    with pytest.raises(LeadlineError, match="expected COLMAP's cameras, images and points3D"):
        read_colmap(tmp_path)
    write_binary(tmp_path)
    data = (tmp_path / "images.bin").read_bytes()
    (tmp_path / "images.bin").write_bytes(data[:-9])
    with pytest.raises(LeadlineError, match=r"damaged .bin files"):
        read_colmap(tmp_path)


def test_an_unknown_lens_model_says_to_export_text(tmp_path):
    write_binary(tmp_path)
    data = bytearray((tmp_path / "cameras.bin").read_bytes())
    data[12] = 99
    (tmp_path / "cameras.bin").write_bytes(bytes(data))
    with pytest.raises(LeadlineError, match=r"lens model 99.*export the model as text"):
        read_colmap(tmp_path)


def test_both_layouts_say_the_same(tmp_path):
    write_text(tmp_path)
    text = read_colmap(tmp_path)
    write_binary(tmp_path)
    binary = read_colmap(tmp_path)
    assert text.sizes == binary.sizes == {3: (60, 100)}
    assert text.error_px == binary.error_px
    assert text.seen_by == binary.seen_by == {7: 2, 9: 2, 12: 2}
    for a, b in zip(text.views, binary.views, strict=True):
        assert (a.name, a.camera, a.ids.tolist()) == (b.name, b.camera, b.ids.tolist())
        np.testing.assert_allclose(a.rotation, b.rotation)
