"""Calibration files of rectified pairs."""

from pathlib import Path

import pytest

from leadline.data.stereo_rig import read_rig
from leadline.errors import LeadlineError

MIDDLEBURY = """cam0=[100 0 39.5; 0 100 29.5; 0 0 1]
cam1=[100 0 43.5; 0 100 29.5; 0 0 1]
doffs=4
baseline=193.001
width=80
height=60
"""
ROW = "100 0 39.5 {} 0 100 29.5 0 0 0 1 0"


def test_middleburys_file_gives_metres_and_the_offset(tmp_path: Path) -> None:
    file = tmp_path / "calib.txt"
    file.write_text(MIDDLEBURY)
    rig = read_rig(file, (60, 80))
    assert rig.baseline_m == pytest.approx(0.193001)
    assert rig.offset_px == 4
    assert (rig.camera.fx, rig.camera.cx) == (100, 40)  # its first pixel's centre is at 0
    with pytest.raises(LeadlineError, match="for pictures of 80 x 60"):
        read_rig(file, (120, 160))


@pytest.mark.parametrize(("left", "right"), [("P_rect_02", "P_rect_03"), ("P2", "P3"), ("P0", "P1")])
def test_kittis_files_give_the_distance_of_the_two_cameras(tmp_path: Path, left: str, right: str) -> None:
    file = tmp_path / "calib.txt"
    file.write_text(f"calib_time: 09-Jan-2012\n{left}: {ROW.format(6)}\n{right}: {ROW.format(-48)}\n")
    rig = read_rig(file, (60, 80))
    assert rig.baseline_m == pytest.approx(0.54)  # (6 + 48) / 100: from one camera to the other, not from camera 0
    assert rig.offset_px == 0
    assert rig.camera.fx == 100


def test_the_colour_cameras_come_first_and_another_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "calib_cam_to_cam.txt"
    rows = {"P_rect_00": 0, "P_rect_01": -20, "P_rect_02": 6, "P_rect_03": -48}
    file.write_text("".join(f"S_rect_02: 80 60\n{name}: {ROW.format(x)}\n" for name, x in rows.items()))
    assert read_rig(file, (60, 80)).baseline_m == pytest.approx(0.54)
    with pytest.raises(LeadlineError, match="for pictures of 80 x 60, given one of 160 x 120"):
        read_rig(file, (120, 160))


@pytest.mark.parametrize("text", ["", "hello", "K: 1 2 3", f"P2: {ROW.format(6)}\n"])
def test_another_file_names_what_is_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calib.txt"
    file.write_text(text)
    with pytest.raises(LeadlineError, match="or give --focal-px and --baseline-m"):
        read_rig(file, (60, 80))
