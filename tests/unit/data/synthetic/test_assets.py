"""Models are read, scaled and stored as the catalogue says; without a folder there are no assets."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from leadline.data.synthetic import assets
from leadline.data.synthetic.assets import Assets, ModelInfo
from leadline.data.synthetic.objects import extent

OBJ = """mtllib m.mtl
v 0 0 0
v 2 0 0
v 2 4 0
v 0 4 0
v 0 0 -1
v 2 0 -1
v 2 4 -1
v 0 4 -1
vt 0 0
vt 1 1
usemtl chrome_leg
f 1/1 2/1 3/2 4/2
f 1/1 4/2 3/2 2/1
usemtl window glass
f -4/1 -1/1 -2/2 -3/2
usemtl mirror
f 1 4 8 5
"""
MTL = (
    "newmtl chrome_leg\nKd 0.8 0.8 0.8\nKs 0.9 0.9 0.9\nNs 98\nnewmtl window glass\nKd 1 1 1\nd 0.3\nnewmtl mirror\nKd 1 1 1\n"
)


@pytest.fixture
def stored(tmp_path: Path) -> Assets:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("f/m.obj", OBJ)
        z.writestr("f/m.mtl", MTL)
    (tmp_path / "models").mkdir()
    info = ModelInfo("x", "x", "table", "", (1.0, 0.5, 2.0), 0.0, None, 0, "CC0-1.0", "", "", "models/x.npz")
    entry = assets._Entry(info, archive, "f/m.obj", np.eye(3))
    return Assets(tmp_path, (assets._store_model(entry, tmp_path),))


def test_without_a_folder_there_are_no_assets(tmp_path: Path) -> None:
    for root in (None, tmp_path / "absent"):
        empty = Assets.load(root)
        assert not empty.models
        assert not empty.textures
        assert empty.pick(np.random.default_rng(0), "chair") is None


def test_a_model_stands_on_the_floor_with_the_catalogues_size(stored: Assets) -> None:
    low, high = extent(stored.things(stored.models[0]))
    np.testing.assert_allclose(low, (-0.5, -0.25, 0.0), atol=1e-4)
    np.testing.assert_allclose(high, (0.5, 0.25, 2.0), atol=1e-4)


def test_materials_become_looks(stored: Assets) -> None:
    assert [t.look.kind for t in stored.things(stored.models[0])] == ["metal", "thin_glass", "mirror"]


def test_a_face_that_is_there_twice_is_kept_once(stored: Assets) -> None:
    assert [len(t.mesh.faces) for t in stored.things(stored.models[0])] == [2, 2, 2]


def test_the_front_of_a_model_looks_along_minus_y(stored: Assets) -> None:
    front = stored.things(stored.models[0])[0].mesh.vertices  # z = 0 in the file, nearest to a viewer on +z
    assert front[:, 1].max() < -0.2


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [
        ("Oak chair", (0.5, 0.5, 0.9), "chair"),
        ("Desk lamp", (0.2, 0.2, 0.4), "table_lamp"),
        ("Coffee cup", (0.1, 0.1, 0.1), "small"),
    ],
)
def test_names_tell_the_role(name: str, size: tuple[float, float, float], kind: str) -> None:
    assert assets._kind(name, "Kitchen", size, 0.0) == kind


def test_thinning_keeps_the_extent() -> None:
    from leadline.data.synthetic.shapes import sphere

    ball = sphere(1.0, 96)
    assert ball.uv is not None
    vertices, faces, uv = assets._thinned(
        np.asarray(ball.vertices, np.float64), np.asarray(ball.faces, np.int64), np.asarray(ball.uv), 1500
    )
    assert 200 < len(faces) <= 1500
    assert len(uv) == len(vertices)
    np.testing.assert_allclose(np.abs(vertices).max(0), 1, atol=0.1)
