"""Every file that the page offers, read back."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from leadline.camera import Camera
from leadline.io.depth import read_depth
from tests.browser import rooms as room
from tests.browser.visit import expect

EXACT = {"npz": 1e-6, "exr": 1e-6, "pfm": 1e-6, "tiff": 1e-6, "png16": 1e-3}


@pytest.fixture(scope="module")
def downloaded(browser, rooms, tmp_path_factory):
    """Every format of the room in metres, with its true field of view, by its button."""
    from tests.browser.visit import Visit

    tab = Visit(browser, rooms, tmp_path_factory.mktemp("downloads")).open()
    tab.get("model").select_option("metres.test")
    tab.choose_photo(room.png("my room.png"))
    tab.get("focal").fill(str(room.FOCAL_PX))
    tab.get("focal").press("Enter")
    tab.get("colormap").select_option("viridis")
    files = {output: tab.download(output) for output in (*EXACT, "preview", "ply", "glb")}
    assert tab.watch.problems == []
    tab.close()
    return files


@pytest.mark.parametrize("output", EXACT)
def test_a_downloaded_map_is_the_rooms_depth_in_metres(downloaded, output):
    depth = read_depth(downloaded[output], kind="depth/metric" if output == "pfm" else None)  # PFM has no header to say it

    assert downloaded[output].name.startswith("my room_depth.")
    assert str(depth.kind) == "depth/metric"
    assert depth.hw == room.HW
    assert depth.valid.all()
    np.testing.assert_allclose(depth.values, room.true_depth(), rtol=EXACT[output])


@pytest.mark.parametrize("output", ["ply", "glb"])
def test_a_downloaded_cloud_has_the_rooms_points_where_they_are(downloaded, output):
    found = trimesh.load(downloaded[output], force="scene").to_geometry()
    points = np.asarray(found.vertices) * ((1, 1, 1) if output == "ply" else (1, -1, -1))  # glTF has y up and looks along -z
    x, y, z = points.T
    camera = Camera.from_focal_px(room.FOCAL_PX, room.HW)

    columns, rows = (camera.fx * x / z + camera.cx).astype(int), (camera.fy * y / z + camera.cy).astype(int)

    assert len(points) > 0.9 * room.WIDTH * room.HEIGHT
    np.testing.assert_allclose(z, room.true_depth()[rows, columns], rtol=1e-4)
    assert np.ptp(np.asarray(found.colors)[:, :3]) > 50  # the photo's colours


def test_the_preview_is_a_picture_in_the_colours_chosen(downloaded):
    with Image.open(downloaded["preview"]) as preview:
        assert preview.size == (room.WIDTH, room.HEIGHT)
        assert (
            preview.info["leadline:colormap"] == "viridis"
            if "leadline:colormap" in preview.info
            else "viridis" in str(preview.info)
        )
        near = np.asarray(preview.convert("RGB"))[room.HEIGHT - 1, room.WIDTH // 2]
    assert near[0] > near[2], "viridis ends in yellow"


def test_a_large_photo_can_be_downloaded_small(visit, rooms, shipped):
    tab = visit(shipped)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 2000, 3), np.uint8)
    picture = {"name": "wide.png", "mimeType": "image/png", "buffer": _png(pixels)}
    tab.choose_photo(picture)

    whole = read_depth(tab.download("npz"))
    tab.get("download-as-shown").check()
    small = read_depth(tab.download("npz"))

    assert whole.hw == (60, 2000)
    assert small.hw == (48, 1600)
    expect(tab.get("facts")).to_contain_text("1600 × 48")


def _png(pixels):
    from tests.unit.server.predictors import png

    return png(pixels)
