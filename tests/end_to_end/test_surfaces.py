"""Glass and mirrors as a user scores them (Booster, mono and stereo, by class; --tom), and bad input of the stereo commands."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.shipped import SHIPPED
from tests.unit.data.datasets.test_images_and_depths import save

from leadline.cli import main
from leadline.depth_map import PIXEL_DISPARITY, RELATIVE_DISPARITY, DepthMap
from leadline.evaluation.result import read_result
from leadline.io.depth import write_depth

HW = (48, 64)
FOCAL, BASELINE_MM = 60.0, 100.0
PANE = np.zeros(HW, bool)
PANE[14:34, 20:44] = True
# A floor that comes nearer, 2 to 6 px; the pane hangs before it.
DISPARITY = np.where(PANE, 7.0, np.linspace(2, 6, HW[0])[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def booster(tmp_path_factory):
    """One scene in Booster's layout: classes 0 to 3, the latter two on the pane."""
    root = tmp_path_factory.mktemp("booster")
    scene = root / "train/balanced/Hall"
    noise = np.random.default_rng(0).integers(0, 256, (*HW, 3), dtype=np.uint8)
    for camera in ("camera_00", "camera_02"):
        save(scene / camera / "im0.png", noise)
    np.save(scene / "disp_00.npy", DISPARITY)
    grade = np.where(np.indices(HW)[1] < 32, 0, 1) + 2 * PANE
    save(scene / "mask_cat.png", grade.astype(np.uint8))
    save(scene / "mask_00.png", np.full(HW, 255, np.uint8))
    matrix = np.array([[FOCAL, 0, 31.5, 0], [0, FOCAL, 23.5, 0], [0, 0, 1, 0]])
    storage = cv2.FileStorage(str(scene / "calib_00-02.xml"), cv2.FILE_STORAGE_WRITE)
    for key, value in (("proj_matL", matrix), ("proj_matR", matrix), ("baselineLR", BASELINE_MM)):
        storage.write(key, value)
    storage.release()
    return root


def run(capsys, *arguments):
    """Return (exit code, stdout, stderr) of the command in this process."""
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, arguments)])
    out = capsys.readouterr()
    return stopped.value.code, out.out, out.err


def evaluate(capsys, booster, out, protocol, *arguments):
    on = "--dataset", "booster", "--root", booster, "--protocol", protocol, "--json", out
    code, _, err = run(capsys, "evaluate", *on, *arguments)
    assert code == 0, err
    return read_result(out).metrics


def test_booster_of_one_picture_tells_the_pane_from_the_rest(booster, tmp_path, capsys):
    name = "train/balanced/Hall/camera_00/im0.npz"
    right = DepthMap(3 * DISPARITY + 2, kind=RELATIVE_DISPARITY)
    write_depth(tmp_path / "right" / name, right)
    through = np.linspace(2, 6, HW[0])[:, None] * np.ones(HW)  # as if there were no pane
    write_depth(tmp_path / "through" / name, DepthMap(through, kind=RELATIVE_DISPARITY))
    for protocol in ("booster-mono", "booster-mono-published"):
        exact = evaluate(capsys, booster, tmp_path / "a.json", protocol, "--predictions", tmp_path / "right")
        wrong = evaluate(capsys, booster, tmp_path / "b.json", protocol, "--predictions", tmp_path / "through")
        assert set(exact) == {"all", "tom", "other"}
        # Truth is read at the nearest pixel and the prediction between pixels: rows differ by a fraction of a step.
        assert exact["tom"]["abs_rel"] < 0.03
        assert wrong["tom"]["abs_rel"] > 5 * exact["tom"]["abs_rel"]
        assert wrong["tom"]["delta_1.05"] < exact["tom"]["delta_1.05"]


def test_booster_of_two_pictures_counts_bad_pixels_by_class(booster, tmp_path, capsys):
    seen_through = np.where(PANE, DISPARITY - 5, DISPARITY)  # 5 px off on the pane: bad at 2 and 4, not at 6
    write_depth(tmp_path / "p/train/balanced/Hall/camera_00/im0.pfm", DepthMap(seen_through, kind=PIXEL_DISPARITY))
    folder = "--predictions", tmp_path / "p", "--kind", "pixel_disparity/metric"
    metrics = evaluate(capsys, booster, tmp_path / "s.json", "booster-stereo", *folder)
    assert [metrics["tom"][f"bad_{tau}"] for tau in (2, 4, 6, 8)] == [1, 1, 0, 0]
    assert [metrics["other"][f"bad_{tau}"] for tau in (2, 4, 6, 8)] == [0, 0, 0, 0]
    assert metrics["tom"]["epe"] == pytest.approx(5)
    share = PANE.mean()
    assert metrics["all"]["epe"] == pytest.approx(5 * share)
    assert metrics["all"]["rms"] == pytest.approx(5 * share**0.5)


def test_a_model_is_scored_with_virtual_depth_from_the_samples_masks(booster, tmp_path, capsys):
    plain = evaluate(capsys, booster, tmp_path / "plain.json", "booster-mono", "--model", "leadline-s")
    tom = evaluate(capsys, booster, tmp_path / "tom.json", "booster-mono", "--model", "leadline-s", "--tom", "sample")
    assert read_result(tmp_path / "tom.json").model.name == f"{SHIPPED}+tom"
    assert tom["tom"]["abs_rel"] != pytest.approx(plain["tom"]["abs_rel"], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--predictions", ".", "--tom", "sample"), "--tom sample paints pictures and needs a --model"),
        (("--model", "ramp", "--tom", "none.onnx"), "none.onnx"),
    ],
)
def test_tom_without_a_model_or_with_an_unknown_segmenter_is_refused(booster, capsys, arguments, line):
    on = "--dataset", "booster", "--root", booster, "--protocol", "booster-mono"
    code, _, err = run(capsys, "evaluate", *on, *arguments)
    assert code in (1, 2)
    assert line in err
    assert err.count("\n") == 1


def test_a_sample_without_masks_is_a_failed_row_that_says_so(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "0_color.png"), np.random.default_rng(0).integers(0, 256, (*HW, 3), dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "0_depth.png"), np.full(HW, 9000, np.uint16))
    on = "--dataset", "tum", "--root", tmp_path, "--protocol", "midas-tum"
    code, _, err = run(capsys, "evaluate", *on, "--model", "ramp", "--tom", "sample")
    assert code == 1
    assert "0 has no mask 'material': expected a data set with masks of glass and mirrors" in err


def test_a_stereo_pair_without_any_match_fails_in_one_line_and_writes_nothing(tmp_path, capsys):
    save(tmp_path / "left.png", np.full((96, 160, 3), 90, np.uint8))
    save(tmp_path / "right.png", np.full((96, 160, 3), 90, np.uint8))
    code, _, err = run(capsys, "stereo", tmp_path / "left.png", tmp_path / "right.png", "--out", tmp_path / "out")
    assert code == 1
    assert "has a match in" in err
    assert not (tmp_path / "out").exists()


def test_stereo_pictures_of_two_sizes_are_refused(tmp_path, capsys):
    for name, height in (("left", 96), ("right", 80)):
        save(tmp_path / f"{name}.png", np.full((height, 160, 3), 90, np.uint8))
    code, _, err = run(capsys, "stereo", tmp_path / "left.png", tmp_path / "right.png", "--out", tmp_path / "out")
    assert code == 1
    assert "a left picture of 160 x 96 and a right one of 160 x 80: expected one size" in err


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda d, m: (-d, m), "disparities are negative: expected positive ones"),
        (lambda d, m: (d, np.full(HW, 255, np.uint8)), "0 pixels with a disparity outside the mask"),
        (lambda d, m: (np.where(m > 0, d, 0), m), "0 pixels with a disparity outside the mask"),
        (lambda d, m: (d, m.T), "a mask of 48 x 64 for a picture of 64 x 48"),
        (lambda d, m: (d.max() - d + 1, m), "virtual depth does not fit the disparity (negative scale"),
    ],
)
def test_a_stereo_merge_that_can_not_be_made_fails_in_one_line(tmp_path, capsys, change, line):
    disparity, mask = change(DISPARITY, (PANE * 255).astype(np.uint8))
    write_depth(tmp_path / "d" / "a.pfm", DepthMap(disparity, kind=PIXEL_DISPARITY))
    write_depth(tmp_path / "v" / "a.npz", DepthMap(DISPARITY / 9, kind=RELATIVE_DISPARITY))
    save(tmp_path / "m" / "a.png", mask)
    code, _, err = run(capsys, "label", "stereo-merge", *(tmp_path / name for name in ("d", "v", "m", "out")))
    assert code == 1
    assert line in err
    assert "0 done, 0 kept, 1 failed" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["predict", "label"])
def test_more_colours_than_there_is_room_for_fail_before_any_prediction(tmp_path, capsys, command):
    save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (*HW, 3), dtype=np.uint8))
    save(tmp_path / "m.png", (PANE * 255).astype(np.uint8))
    many = 9_000_000_000
    arguments = {
        "predict": ("predict", tmp_path / "a.png", "--tom-mask", tmp_path / "m.png", "--tom-colours", many),
        "label": ("label", "virtual", tmp_path / "a.png", "--masks", tmp_path / "m.png", "--colours", many),
    }
    code, _, err = run(capsys, *arguments[command], "--out", tmp_path / "out")
    assert code == 1
    assert f"no room for {many} maps of" in err
    assert "use fewer colours" in err
