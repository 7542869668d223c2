"""Points as typed, from maps, lists and clouds, and how a map is read at them."""

import numpy as np
import pytest

from leadline import Camera, DepthMap, LeadlineError, write_depth
from leadline.depth_map import Quantity
from leadline.io.cloud import write_ply
from leadline.scale.points import MetricPoints, observe, parse_lengths, parse_points, points_of_cloud, read_points

CAMERA = Camera.from_focal_px(40.0, (6, 8))


def ramp(kind="depth/scale_invariant", camera=CAMERA):
    return DepthMap(np.arange(1.0, 49.0).reshape(6, 8), None, kind, camera)


@pytest.mark.parametrize(
    ("text", "metres"), [("3,2=2.4m", 2.4), ("3,2=2.4", 2.4), (" 3,2=240cm", 2.4), ("3.5,2.5=2400 mm", 2.4)]
)
def test_a_point_is_read_in_any_unit_of_length(text, metres):
    points = parse_points([text])
    assert points.distance_m[0] == pytest.approx(metres)
    assert np.floor(points.xy).tolist() == [[3, 2]]


@pytest.mark.parametrize("text", ["3,2", "3=2.4m", "3,2=2.4ft", "a,b=1", "3,2=1.2.3", ""])
def test_what_is_no_point_is_refused_with_an_example(text):
    with pytest.raises(LeadlineError, match=r"320,240=2\.4m"):
        parse_points([text])


@pytest.mark.parametrize("text", ["3,2=-1m", "3,2=0"])
def test_a_distance_that_is_not_positive_is_refused(text):
    with pytest.raises(LeadlineError, match="expected a positive number of metres"):
        parse_points([text])


def test_x_is_the_column_and_y_the_row():
    seen, shift, lost = observe(ramp(), parse_points(["5,1=2m"]))
    assert seen.pred.tolist() == [1 * 8 + 5 + 1]
    assert (seen.target.tolist(), shift, lost) == ([2.0], False, 0)


def test_the_last_pixel_is_inside_and_the_next_outside():
    assert observe(ramp(), parse_points(["7.9,5.9=1"]))[0].pred.tolist() == [48]
    for text in ("8,0=1", "0,6=1", "-1,0=1"):
        with pytest.raises(LeadlineError, match="outside the picture of 8 x 6"):
            observe(ramp(), parse_points([text]))


def test_a_typed_point_without_a_value_is_refused_and_one_of_a_file_is_counted():
    holed = DepthMap(np.ones((6, 8)), np.arange(48).reshape(6, 8) != 0, "depth/scale_invariant")
    with pytest.raises(LeadlineError, match=r"no value at point \(0, 0\)"):
        observe(holed, parse_points(["0,0=1", "3,3=1"]))
    by_file = MetricPoints(np.array([[0.5, 0.5], [3.5, 3.5]]), np.ones(2))
    assert observe(holed, by_file)[2] == 1


def test_an_affine_invariant_disparity_is_compared_with_one_over_metres():
    seen, shift, _ = observe(ramp("disparity/affine_invariant"), parse_points(["0,0=4m"]))
    assert shift
    assert seen.space is Quantity.DISPARITY
    assert seen.target.tolist() == [0.25]


def test_a_disparity_known_up_to_scale_is_compared_as_depth():
    seen, shift, _ = observe(ramp("disparity/scale_invariant"), parse_points(["1,0=4m"]))
    assert not shift
    assert (seen.space, seen.pred.tolist(), seen.target.tolist()) == (Quantity.DEPTH, [0.5], [4.0])


def test_an_ordinal_map_has_nothing_to_scale():
    with pytest.raises(LeadlineError, match="no values to scale"):
        observe(ramp("disparity/ordinal"), parse_points(["1,0=4m"]))


def test_a_tape_measures_along_the_ray_and_the_corner_is_nearer_in_depth():
    seen, _, _ = observe(ramp(), parse_points(["0,0=5m"], along_ray=True))
    x, y = (0.5 - 4) / 40, (0.5 - 3) / 40
    assert seen.target[0] == pytest.approx(5 / np.sqrt(1 + x * x + y * y))
    with pytest.raises(LeadlineError, match="no camera"):
        observe(ramp(camera=None), parse_points(["0,0=5m"], along_ray=True))


def test_many_points_are_gathered_by_tiles_and_few_stand_alone():
    depth = DepthMap(np.ones((80, 80)), None, "depth/scale_invariant")
    xy = np.stack(np.meshgrid(np.arange(80), np.arange(80)), -1).reshape(-1, 2) + 0.5
    assert observe(depth, MetricPoints(xy, np.ones(6400)))[0].groups == 64
    assert observe(depth, MetricPoints(xy[:64], np.ones(64)))[0].groups == 64


def test_an_object_is_two_pixels_and_a_length():
    assert parse_lengths(["1,2:3,4=50cm"]) == [((1.0, 2.0), (3.0, 4.0), 0.5)]
    with pytest.raises(LeadlineError, match="X1,Y1:X2,Y2=LENGTH"):
        parse_lengths(["1,2=50cm"])
    with pytest.raises(LeadlineError, match="positive"):
        parse_lengths(["1,2:3,4=-1m"])


def test_sparse_depth_comes_from_map_files_of_any_metric_kind(tmp_path):
    sparse = np.zeros((6, 8))
    sparse[2, 3], sparse[4, 1] = 2.0, 5.0
    for name in ("a.png", "a.npz", "a.exr"):
        write_depth(tmp_path / name, DepthMap(sparse, sparse > 0, "depth/metric"))
        points = read_points(tmp_path / name, None)
        assert points.xy.tolist() == [[3.5, 2.5], [1.5, 4.5]]
        np.testing.assert_allclose(points.distance_m, [2, 5], rtol=1e-4)


def test_stereo_pixels_need_the_baseline(tmp_path):
    write_depth(tmp_path / "d.npz", DepthMap(np.full((6, 8), 4.0), None, "pixel_disparity/metric", CAMERA))
    with pytest.raises(LeadlineError, match="baseline"):
        read_points(tmp_path / "d.npz", CAMERA)
    np.testing.assert_allclose(read_points(tmp_path / "d.npz", CAMERA, baseline_m=0.2).distance_m, 40 * 0.2 / 4)


def test_a_relative_map_is_no_measurement(tmp_path):
    write_depth(tmp_path / "d.npz", ramp())
    with pytest.raises(LeadlineError, match="expected metric distances"):
        read_points(tmp_path / "d.npz", CAMERA)


def test_a_list_of_points_is_read_from_npz(tmp_path):
    np.savez(tmp_path / "list.npz", xy=[[1.5, 2.5]], depth=[3.0])
    points = read_points(tmp_path / "list.npz", None)
    assert (points.xy.tolist(), points.distance_m.tolist()) == ([[1.5, 2.5]], [3.0])
    np.savez(tmp_path / "bad.npz", xy=[[1.5, 2.5]], depth=[3.0, 4.0])
    with pytest.raises(LeadlineError, match=r"expected \(n, 2\) and \(n,\)"):
        read_points(tmp_path / "bad.npz", None)


def test_a_cloud_that_leadline_has_written_lands_on_its_own_pixels(tmp_path):
    depth = ramp("depth/metric")
    write_ply(tmp_path / "c.ply", depth)
    points = read_points(tmp_path / "c.ply", CAMERA)
    columns, rows = np.floor(points.xy).astype(int).T
    np.testing.assert_allclose(points.distance_m, depth.values[rows, columns], rtol=1e-6)
    assert len(points.distance_m) == 48


@pytest.mark.parametrize("sort", ["ascii", "binary_big_endian", "binary_little_endian"])
def test_ply_is_read_in_every_format_with_other_properties_between(tmp_path, sort):
    header = (
        f"ply\nformat {sort} 1.0\nelement vertex 2\nproperty uchar red\nproperty float x\nproperty double y\nproperty float z\n"
    )
    rows = [(7, 0.0, 0.0, 2.0), (9, 0.1, -0.05, 4.0)]
    if sort == "ascii":
        body = "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()
    else:
        order = ">" if "big" in sort else "<"
        body = np.array(rows, [("r", "u1"), ("x", f"{order}f4"), ("y", f"{order}f8"), ("z", f"{order}f4")]).tobytes()
    (tmp_path / "c.ply").write_bytes(
        (header + "element face 0\nproperty list uchar int vertex_index\nend_header\n").encode() + body
    )
    points = read_points(tmp_path / "c.ply", CAMERA)
    assert sorted(points.distance_m.tolist()) == [2, 4]
    np.testing.assert_allclose(points.xy[points.distance_m == 4][0], [40 * 0.1 / 4 + 4, -40 * 0.05 / 4 + 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello", "no PLY cloud"),
        (
            b"ply\nformat ascii 1.0\nelement vertex 3\nproperty int x\nproperty int y\nproperty int z\nend_header\n0 0 1\n",
            "whole copy",
        ),
        (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n0\n", "expected x, y and z"),
        (b"ply\nformat ascii 1.0\nelement face 1\nend_header\n", "expected vertices first"),
    ],
)
def test_a_damaged_cloud_is_refused_in_one_line(tmp_path, data, message):
    (tmp_path / "c.ply").write_bytes(data)
    with pytest.raises(LeadlineError, match=message):
        read_points(tmp_path / "c.ply", CAMERA)


def test_of_two_points_on_one_pixel_the_nearer_is_seen_and_none_behind_the_camera():
    cloud = np.array([[0.0, 0, 5], [0, 0, 2], [0, 0, -3], [9, 9, 1]])
    assert points_of_cloud(cloud, CAMERA).distance_m.tolist() == [2]
    with pytest.raises(LeadlineError, match="in the picture"):
        points_of_cloud(cloud[2:], CAMERA)
    with pytest.raises(LeadlineError, match="no camera"):
        points_of_cloud(cloud, None)
