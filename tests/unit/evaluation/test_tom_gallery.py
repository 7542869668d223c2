from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.unit.evaluation.test_tom_colours import GLASS, room, write_room
from tests.unit.labels.painted_networks import RedIsNear

from leadline.data.datasets.files import read_json
from leadline.data.mask_files import MaskSource
from leadline.errors import LeadlineError
from leadline.evaluation import tom_gallery
from leadline.evaluation.tom_gallery import REAL, RENDERED, UNKNOWN, Subject, as_jpeg, draw, make_row, render, tinted
from leadline.sample import Sample

OUTLINES = Path(__file__).parents[3] / "docs" / "assets" / "tom-gallery" / "outlines.json"


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    write_room(tmp_path)
    return room(tmp_path)


def test_maps_are_fitted_to_the_truth_and_share_its_colours(sample: Sample) -> None:
    row = make_row(Subject("pane", RENDERED, sample), RedIsNear(scales=(3.0,), shifts=(7.0,)), RedIsNear())
    assert list(row.maps) == ["plain", "virtual depth", "fine-tuned", "truth"]
    true = row.maps["truth"].values
    for title in ("plain", "fine-tuned"):
        np.testing.assert_allclose(row.maps[title].values.mean(), true.mean(), rtol=1e-3)
    assert row.errors["plain"] == pytest.approx(row.errors["fine-tuned"], rel=1e-3)
    assert row.errors["plain"] > 0.05
    picture = draw(row)
    assert picture.shape[1] == 6 * tom_gallery.TILE_HW[1]
    assert len(as_jpeg(picture)) <= tom_gallery.MOST_BYTES


def test_without_truth_the_others_are_fitted_to_the_plain_map_outside_the_mask(sample: Sample) -> None:
    photo = Sample("p", sample.image, masks={"material": 2 * GLASS.astype(np.uint8)})
    row = make_row(Subject("photo", UNKNOWN, photo), RedIsNear(), RedIsNear(scales=(4.0,), shifts=(-9.0,)))
    np.testing.assert_allclose(row.maps["fine-tuned"].values[~GLASS], row.maps["plain"].values[~GLASS], atol=1e-2)
    assert all(np.isnan(error) for error in row.errors.values())
    assert draw(row).shape == draw(make_row(Subject("pane", REAL, sample), RedIsNear(), RedIsNear())).shape


def test_glass_is_blue_and_mirrors_are_orange() -> None:
    picture = tinted(np.full((1, 3, 3), 100, np.uint8), np.array([[0, 1, 2]]))
    assert np.ptp(picture[0, 0].astype(int)) == 0
    assert picture[0, 1, 2] > picture[0, 1, 0]
    assert picture[0, 2, 0] > picture[0, 2, 2]


def test_a_row_that_no_jpeg_holds_in_60_kb_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    with pytest.raises(LeadlineError, match="use smaller tiles"):
        as_jpeg(noise)


def test_the_page_counts_the_gains_and_names_whose_pictures_they_are(sample: Sample) -> None:
    photo = Sample("p", sample.image, masks={"material": GLASS.astype(np.uint8)})
    subjects = [
        Subject("pane", RENDERED, sample),
        Subject("bottles", REAL, sample, "somebody, a licence"),
        Subject("hall", UNKNOWN, photo),
    ]
    rows = [make_row(subject, RedIsNear(), None) for subject in subjects]
    page = render(rows, ["1.jpg", "2.jpg", "3.jpg"], "red.v1", None, "make it")
    better = sum(row.errors["virtual depth"] < row.errors["plain"] for row in rows[:2])
    assert f"on {better} of the 2 pictures with\ntruth." in page
    assert "Bottles (somebody, a licence)" in page
    assert page.index("## Rendered") < page.index("1.jpg") < page.index("## Real, with truth") < page.index("2.jpg")
    assert "fine-tuned" not in page
    assert "nan" not in page


def test_the_outlines_mark_a_little_of_each_photo_within_its_crop() -> None:
    masks = MaskSource(OUTLINES)
    for entry in read_json(OUTLINES)["images"]:
        surfaces = masks.read(Path(entry["file_name"]), Path(entry["file_name"]).with_suffix(""))
        left, top, width, height = entry["crop"]
        assert surfaces.material.shape == (entry["height"], entry["width"])
        assert 0.01 < (surfaces.material[top : top + height, left : left + width] > 0).mean() < 0.3
        assert entry["credit"].endswith("licence")


def test_the_command_draws_rendered_and_real_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = np.zeros_like(GLASS)
    mirror[4:14, 4:12] = True
    for name, glass in (("a", GLASS), ("b", mirror)):
        write_room(tmp_path / "worlds", name, glass)
    (tmp_path / "docs" / "assets" / "tom-gallery").mkdir(parents=True)
    entry = {
        "id": 1,
        "file_name": "x/p.png",
        "width": 32,
        "height": 24,
        "title": "hall",
        "credit": "us",
        "crop": [0, 4, 30, 20],
    }
    polygon = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[4, 8, 14, 8, 14, 18, 4, 18]]}
    content = {"images": [entry], "categories": [{"id": 1, "name": "mirror"}], "annotations": [polygon]}
    (tmp_path / "docs" / "assets" / "tom-gallery" / "outlines.json").write_text(json.dumps(content))
    (tmp_path / "data" / "x").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "data" / "x" / "p.png"), noise)
    real = room(tmp_path / "worlds")

    class ClearGrasp:
        def iter_samples(self, root):
            assert root.name == "cleargrasp"
            return iter([real])

    get = tom_gallery.get_dataset
    monkeypatch.setattr(tom_gallery, "get_dataset", lambda name: ClearGrasp() if name == "cleargrasp_real" else get(name))
    monkeypatch.setattr(tom_gallery, "load_predictor", lambda name: RedIsNear())
    out = tmp_path / "docs" / "results" / "tom-gallery.md"
    arguments = ["--worlds", tmp_path / "worlds", "--data", tmp_path / "data", "--out", out, "--finetuned", "ft"]
    assert tom_gallery.main([str(a) for a in arguments]) == 0
    pictures = sorted(path.name for path in (tmp_path / "docs" / "assets" / "tom-gallery").glob("*.jpg"))
    assert pictures == ["01.jpg", "02.jpg", "03.jpg", "04.jpg"]
    assert all(f"../assets/tom-gallery/{name}" in out.read_text() for name in pictures)


def test_a_photo_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--worlds", tmp_path, "--data", tmp_path, "--out", tmp_path / "docs" / "results" / "o.md"]
    assert tom_gallery.main([str(a) for a in arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1
