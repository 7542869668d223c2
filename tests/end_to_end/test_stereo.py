"""`leadline stereo` from two pictures to files, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.end_to_end.command import hidden_files, leadline_command

from leadline.io.depth import read_depth

FOCAL, BASELINE = 300.0, 0.1


def texture(hw: tuple[int, int]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).uniform(0, 255, (*hw, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.5) * 4 - 380, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wall 3 m before two cameras, 10 px of disparity, photographed well and in every wrong way."""
    folder = tmp_path_factory.mktemp("stereo")
    wall = texture((150, 260))
    pictures = {
        "left": wall[10:140, :240],
        "right": wall[10:140, 10:250],
        "low": wall[14:144, 10:250],  # four rows farther down
        "small": wall[10:130, 10:230],
    }
    for name, pixels in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    (folder / "calib.txt").write_text(
        f"cam0=[{FOCAL} 0 119.5; 0 {FOCAL} 64.5; 0 0 1]\ndoffs=0\nbaseline={1000 * BASELINE}\nwidth=240\nheight=130\n"
    )
    return folder


def test_a_calibrated_pair_gives_disparity_confidence_depth_and_a_cloud(rig: Path, tmp_path: Path) -> None:
    done = leadline_command(
        "stereo", rig / "left.png", rig / "right.png", "--calib", rig / "calib.txt", "--write", "npz,preview,ply",
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["kind"] == "pixel_disparity/metric"
    assert row["valid"] > 0.85
    assert [Path(name).name for name in row["outputs"]] == [
        "left.disparity.npz", "left.disparity.preview.png", "left.confidence.png", "left.metric.npz",
        "left.metric.preview.png", "left.metric.ply",
    ]  # fmt: skip
    disparity = read_depth(tmp_path / "left.disparity.npz")
    assert disparity.hw == (130, 240)
    assert np.percentile(np.abs(disparity.values[disparity.valid] - 10), 99) < 0.5
    depth = read_depth(tmp_path / "left.metric.npz")
    assert str(depth.kind) == "depth/metric"
    assert np.median(depth.values[depth.valid]) == pytest.approx(FOCAL * BASELINE / 10, rel=0.01)
    confidence = cv2.imread(str(tmp_path / "left.confidence.png"), cv2.IMREAD_UNCHANGED)
    assert ((confidence > 0) == disparity.valid).all()
    assert not hidden_files(tmp_path)


def test_without_a_calibration_there_is_disparity_alone(rig: Path, tmp_path: Path) -> None:
    done = leadline_command("stereo", rig / "left.png", rig / "right.png", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "left.disparity.depth.png", "left.disparity.preview.png", "left.confidence.png"
    }  # fmt: skip
    assert "of the pixels matched" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("right.png", "left.png"), "swapped"),
        (("left.png", "low.png"), "not rectified"),
        (("left.png", "small.png"), "left picture of 240 x 130 and a right one of 220 x 120"),
        (("left.png", "right.png", "--focal-px", "300"), "expected --baseline-m too"),
        (("left.png", "right.png", "--calib", "calib.txt", "--focal-px", "300"), "leave --focal-px and --baseline-m out"),
        (("left.png", "right.png", "--write", "ply"), "--write ply needs distances"),
        (("left.png", "right.png", "--model", "bgm"), "no stereo matcher 'bgm'"),
        (("left.png", "gone.png"), "no file gone.png"),
    ],
)
def test_what_would_give_wrong_numbers_is_refused_in_one_line(
    rig: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = leadline_command("stereo", *arguments, "--out", tmp_path / "out", cwd=rig)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_unrectified_pair_goes_on_if_asked(rig: Path, tmp_path: Path) -> None:
    done = leadline_command("stereo", rig / "left.png", rig / "low.png", "--unchecked", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
