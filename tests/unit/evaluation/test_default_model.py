"""The table's command on tiny made-up sets, so that it can fail on any machine, and on the real ones where they are."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.unit.evaluation.known_answers import Answers, depth_of

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation import default_model, real_sets, sheet, zero_shot
from leadline.evaluation.real_sets import REAL_SETS, RealSet
from leadline.evaluation.zero_shot import make_zero_shot_validation, thinned
from leadline.sample import Sample

ROOT = Path(__file__).parents[3].parent / "shared" / "data"
HW = (48, 64)


@pytest.fixture
def tiny_root(tmp_path, monkeypatch):
    """Two TUM-like folders, whose pictures carry the seed of their truth; the second stays outside the mean."""
    tiny = (
        RealSet("TUM", (("tum", "dev/a"),), 10.0, every=2),
        RealSet("Beside", (("tum", "dev/b"),), 10.0, in_mean=False),
    )
    for module in (real_sets, zero_shot, default_model, sheet):
        monkeypatch.setattr(module, "REAL_SETS", tiny)
    for folder, seeds in (("a", range(5)), ("b", range(5, 7))):
        path = tmp_path / "data/dev" / folder
        path.mkdir(parents=True)
        for seed in seeds:
            picture = np.full((*HW, 3), 128, np.uint8)
            picture[0, 0] = seed
            cv2.imwrite(str(path / f"{seed}_color.png"), picture)
            cv2.imwrite(str(path / f"{seed}_depth.png"), np.rint(depth_of(seed, HW) * 5000).astype(np.uint16))
    return tmp_path / "data"


def oracle():
    return Answers(lambda seed: 1 / depth_of(seed, HW))


def test_the_page_holds_scores_protocol_hashes_and_the_command(tiny_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(default_model, "load", lambda name: oracle())
    out = tmp_path / "results/default-model.md"
    assert default_model.main(["--model", "m", "--data", str(tiny_root), "--out", str(out)]) == 0
    page = out.read_text()
    tum = next(line for line in page.splitlines() if line.startswith("| TUM"))
    cells = [cell.strip() for cell in tum.strip("|").split("|")]
    assert cells[1:4] == ["3", "0.000", "1.000"]  # every second of five
    assert cells[8:10] == ["0.114", "0.83"]  # METER-XXS, with the digits that were published
    assert cells[-1] == REAL_SETS[1].protocol.fingerprint
    mean = next(line for line in page.splitlines() if "mean over sets" in line)
    assert "0.000 |  1.000" in mean
    assert "does not beat the ramp by delta1: none" in page
    assert "at least 0.75: reached" in page
    assert "ab" * 32 in page
    assert f"--data {tiny_root} --out {out}" in page
    results = json.loads(out.with_suffix(".json").read_text())
    assert [len(result["images"]) for result in results] == [3, 2]
    assert "| TUM" in capsys.readouterr().out


def test_a_model_that_is_no_better_than_the_ramp_is_named_as_such(tiny_root, tmp_path):
    out = tmp_path / "t.md"
    assert default_model.main(["--model", "ramp", "--data", str(tiny_root), "--out", str(out)]) == 0
    assert "does not beat the ramp by delta1: TUM." in out.read_text()


def test_a_missing_set_is_an_error_not_a_table_with_another_mean(tiny_root, tmp_path, capsys):
    for file in (tiny_root / "dev/b").iterdir():
        file.unlink()
    (tiny_root / "dev/b").rmdir()
    out = tmp_path / "t.md"
    assert default_model.main(["--model", "ramp", "--data", str(tiny_root), "--out", str(out)]) == 1
    assert "dev/b not in" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "ramp"], "nothing to do"),
        (["--model", "ramp", "--out", "x.md"], "no --data"),
        (["--model", "no-such-network", "--data", ".", "--sheet", "x.png"], "no network 'no-such-network'"),
    ],
)
def test_wrong_usage_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_model.main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_sheets_show_truth_beside_prediction_and_photos_beside_prediction(tiny_root, tmp_path):
    truth, photos = tmp_path / "truth.png", tmp_path / "photos.png"
    sheet.write_truth_sheet(oracle(), tiny_root, truth)
    picture = cv2.imread(str(truth))
    assert picture.shape[1] == 6 * 280
    # An oracle's tile is its truth's, but for the rounding of the stored depth.
    inner = np.s_[20:180]
    difference = np.abs(picture[inner, 290:550].astype(int) - picture[inner, 570:830].astype(int))
    assert difference.mean() < 2
    assert np.abs(picture[inner, 10:270].astype(int) - picture[inner, 570:830].astype(int)).mean() > 20
    sheet.write_photo_sheet(oracle(), tiny_root / "dev/a", photos, count=3)
    assert cv2.imread(str(photos)).shape[1] == 6 * 280


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(LeadlineError, match="no picture"):
        sheet.write_photo_sheet(oracle(), tmp_path, tmp_path / "s.png")


def test_validation_reports_each_set_and_the_mean_of_those_that_count(tiny_root):
    validate = make_zero_shot_validation(tiny_root)
    scores = validate(oracle())
    assert scores["delta1/mean"] == scores["delta1/TUM"] == 1
    assert scores["delta1/Beside"] == 1
    assert scores["failures"] == 0
    blind = validate(Answers(lambda seed: 1 / depth_of(seed, HW) if seed > 4 else np.ones(HW)))
    assert blind["delta1/Beside"] == 1
    assert blind["abs_rel/mean"] == blind["abs_rel/TUM"] > 0.1


def test_validation_leaves_missing_sets_out_and_refuses_an_empty_root(tiny_root, tmp_path):
    for file in (tiny_root / "dev/b").iterdir():
        file.unlink()
    (tiny_root / "dev/b").rmdir()
    assert "delta1/Beside" not in make_zero_shot_validation(tiny_root)(oracle())
    with pytest.raises(LeadlineError, match="no real samples in"):
        make_zero_shot_validation(tmp_path / "nowhere")


def test_thinning_keeps_the_geometry_and_makes_up_no_depth():
    hw = (730, 1290)
    y, x = np.mgrid[: hw[0], : hw[1]]
    camera = Camera(hw[1], hw[0], 1000, 1000, 600, 400)
    plane = 1 + x / 500 + y / 900
    plane[:, 600:] += 10
    sample = Sample("a", np.dstack([(x // 8).astype(np.uint8)] * 3), DepthMap(plane, x % 7 > 0, camera=camera), camera)
    small = thinned(sample)
    assert small.image.shape == (243, 430, 3)
    assert small.depth.camera == small.camera
    assert (small.camera.fx, small.camera.cx) == pytest.approx((1000 / 3, 200))
    # A pixel's middle is where the picture's middle of the block is, and no depth lies between the two surfaces.
    np.testing.assert_allclose(small.depth.values[small.depth.valid], plane[1:729:3, 1:1290:3][small.depth.valid], rtol=1e-6)
    np.testing.assert_allclose(small.depth.camera.rays()[0, 0], sample.depth.camera.rays()[1, 1])
    assert thinned(small) is small


def test_the_suite_fingerprint_follows_the_sets(monkeypatch):
    before = default_model.suite_fingerprint()
    monkeypatch.setattr(default_model, "REAL_SETS", REAL_SETS[1:])
    assert default_model.suite_fingerprint() != before


@pytest.mark.skipif(not ROOT.is_dir(), reason="the real samples (../shared/data) are not on this machine")
def test_the_ramp_scores_on_real_samples_what_was_recorded():
    """A change here is a change of the numbers that every model is compared with: it belongs into the CHANGELOG."""
    recorded = {"KITTI object": 0.561, "TUM": 0.836, "NYU": 0.390, "Home": 0.343, "Middlebury": 0.893}
    chosen = {real.title: real for real in REAL_SETS}
    for title, delta1 in recorded.items():
        real = chosen[title]
        result = default_model.evaluate(default_model.load("ramp"), real.iter_samples(ROOT), real.protocol)
        assert result.mean("delta1") == pytest.approx(delta1, abs=6e-4), title
