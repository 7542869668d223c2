"""PLY and GLB files that other programs read, with an honest header."""

import json
import struct

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.io.cloud import write_glb, write_ply

HW = (6, 9)
CAMERA = Camera(9, 6, 8.0, 8.0, 4.5, 3.0)
PICTURE = np.random.default_rng(0).integers(0, 255, (*HW, 3), dtype=np.uint8)
VALID = np.random.default_rng(1).random(HW) > 0.2
DEPTH = DepthMap(np.random.default_rng(2).uniform(1, 5, HW), VALID, camera=CAMERA, source="netz – 深\nv1")
POINTS = (DEPTH.values[..., None] * CAMERA.rays())[VALID]


def parsed_ply(path) -> tuple[list[str], np.ndarray]:
    head, _, body = path.read_bytes().partition(b"end_header\n")
    return head.decode("ascii").splitlines(), np.frombuffer(body, np.dtype("<f4, <f4, <f4, u1, u1, u1"))


def test_ply_has_a_header_of_ascii_lines_and_fifteen_bytes_a_point(tmp_path):
    count = write_ply(tmp_path / "a.ply", DEPTH, PICTURE)
    lines, points = parsed_ply(tmp_path / "a.ply")
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert lines[-7:] == [
        f"element vertex {count}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
    ]
    assert {line for line in lines if line.startswith("comment")} >= {
        "comment kind: depth/metric",
        "comment unit: m",
        "comment source: netz ? ? v1",
        "comment note: Metric: coordinates in metres.",
        "comment axes: x right, y down, z forward, origin at the camera",
    }
    assert len(points) == count == VALID.sum()
    np.testing.assert_allclose(np.stack([points[f"f{i}"] for i in range(3)], axis=-1), POINTS, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.stack([points[f"f{i}"] for i in range(3, 6)], axis=-1), PICTURE[VALID])


def test_ply_says_when_it_is_not_metric(tmp_path):
    write_ply(tmp_path / "a.ply", DepthMap(DEPTH.values, VALID, "disparity/affine_invariant"), PICTURE, y_up=True)
    text = "\n".join(parsed_ply(tmp_path / "a.ply")[0])
    assert "comment unit: none" in text
    assert "comment note: Not metric, a shape for looking at only" in text
    assert "a horizontal view of 60 degrees is assumed" in text
    assert "comment axes: x right, y up" in text


@pytest.mark.parametrize("suffix", ["ply", "glb"])
def test_trimesh_reads_points_and_colours(tmp_path, suffix):
    trimesh = pytest.importorskip("trimesh", reason="reads the file back")
    write = write_ply if suffix == "ply" else write_glb
    write(tmp_path / f"a.{suffix}", DEPTH, PICTURE)
    loaded = trimesh.load(tmp_path / f"a.{suffix}", process=False)
    cloud = loaded if suffix == "ply" else next(iter(loaded.geometry.values()))
    expected = POINTS if suffix == "ply" else POINTS * (1, -1, -1)
    np.testing.assert_allclose(cloud.vertices, expected, rtol=1e-5, atol=1e-6)
    if suffix == "ply":
        np.testing.assert_array_equal(cloud.colors[:, :3], PICTURE[VALID])


def parsed_glb(path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, name = struct.unpack_from("<I4s", data, 12)
    assert name == b"JSON"
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    binary_size, name = struct.unpack_from("<I4s", data, 20 + size)
    assert name == b"BIN\0"
    assert binary_size % 4 == 0
    assert 28 + size + binary_size == len(data)
    return document, data[28 + size :]


def test_glb_follows_the_standard(tmp_path):
    count = write_glb(tmp_path / "a.glb", DEPTH, PICTURE)
    document, binary = parsed_glb(tmp_path / "a.glb")
    (view,), (buffer,) = document["bufferViews"], document["buffers"]
    position, colour = document["accessors"]
    assert view["byteLength"] == buffer["byteLength"] == len(binary) == count * view["byteStride"]
    assert view["byteStride"] % 4 == 0
    assert colour["byteOffset"] % 4 == 0
    assert position["count"] == colour["count"] == count
    points = np.frombuffer(binary, np.dtype("(3,)<f4, (4,)<u2"))
    np.testing.assert_array_equal(points["f0"].min(axis=0), np.float32(position["min"]))
    np.testing.assert_array_equal(points["f0"].max(axis=0), np.float32(position["max"]))
    np.testing.assert_allclose(points["f0"], POINTS * (1, -1, -1), rtol=1e-5, atol=1e-6)
    assert (points["f1"][:, 3] == 65535).all()
    assert document["asset"]["version"] == "2.0"
    assert document["asset"]["extras"]["kind"] == "depth/metric"
    assert document["asset"]["extras"]["source"] == DEPTH.source
    assert document["asset"]["extras"]["note"] == "Metric: coordinates in metres."
    assert set(document["extensionsUsed"]) == set(document["materials"][0]["extensions"])


def test_glb_colours_are_linear_light(tmp_path):
    # 188 is half of the light of 255; a viewer that gets 188 / 255 as linear light shows a washed-out picture.
    write_glb(tmp_path / "a.glb", DepthMap([[1.0, 1.0, 1.0]]), np.array([[[0, 188, 255]] * 3], np.uint8))
    points = np.frombuffer(parsed_glb(tmp_path / "a.glb")[1], np.dtype("(3,)<f4, (4,)<u2"))
    assert points["f1"][0, [0, 2]].tolist() == [0, 65535]
    assert points["f1"][0, 1] / 65535 == pytest.approx(0.5, abs=0.005)


def test_points_are_thinned_on_request(tmp_path):
    assert write_ply(tmp_path / "a.ply", DEPTH, PICTURE, max_points=10) <= 10
    assert write_glb(tmp_path / "a.glb", DEPTH, PICTURE, max_points=10) <= 10
