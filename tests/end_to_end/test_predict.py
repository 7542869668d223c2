"""`leadline predict` as a user runs it: the contract that scripts rely on, and every kind of bad input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.end_to_end.command import hidden_files, json_rows, leadline_command
from tests.shipped import SHIPPED

import leadline


def heed_interrupts() -> None:
    """Undo what a test run in the background inherits: there, interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def photo(seed: int = 0, hw: tuple[int, int] = (60, 80)) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(noise, hw[::-1], interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "DIR" / "deep").mkdir(parents=True)
    Image.fromarray(photo(1)).save(folder / "A.jpg")
    Image.fromarray(photo(2, (50, 70))).save(folder / "B.png")
    Image.fromarray(photo(3, (64, 40))).save(folder / "DIR" / "naïve 写真.jpg")
    Image.fromarray(photo(4)).save(folder / "DIR" / "deep" / "with space.webp")
    return folder


def test_the_contract_names_kinds_and_sizes_of_the_outputs(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "OUT"
    done = leadline_command(
        "predict",
        inputs / "A.jpg",
        inputs / "B.png",
        inputs / "DIR",
        "--out",
        out,
        "--write",
        "npz,png16,preview,ply",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    stems = ["A", "B", "deep/with space", "naïve 写真"]
    for stem, hw in zip(stems, [(60, 80), (50, 70), (60, 80), (64, 40)], strict=True):
        with np.load(out / f"{stem}.npz") as arrays:
            assert arrays["values"].shape == hw
            assert arrays["values"].dtype == np.float32
            assert arrays["valid"].shape == hw
            assert arrays["valid"].dtype == np.bool_
            assert str(arrays["kind"]) == "disparity/affine_invariant"
        png = leadline.read_depth(out / f"{stem}.depth.png")
        assert png.hw == hw
        assert str(png.kind) == "disparity/affine_invariant"
        assert png.source.startswith(SHIPPED)
        assert (out / f"{stem}.preview.png").stat().st_size > 0
        assert (out / f"{stem}.ply").read_bytes().startswith(b"ply\nformat binary_little_endian 1.0\n")
    report = json_rows(done)
    assert [Path(str(row["path"])).name for row in report] == ["A.jpg", "B.png", "with space.webp", "naïve 写真.jpg"]
    for row in report:
        assert set(row) >= {"path", "kind", "unit", "outputs", "seconds", "error"}
        assert row["error"] is None
        assert row["kind"] == "disparity/affine_invariant"
        assert all(Path(str(name)).is_file() for name in row["outputs"])
    assert not hidden_files(out)


def test_a_second_run_over_the_same_folder_ignores_its_own_outputs(inputs: Path) -> None:
    folder = inputs / "DIR"
    first = leadline_command("predict", folder, "--out", folder, "--json")
    second = leadline_command("predict", folder, "--out", folder, "--json")
    assert first.returncode == second.returncode == 0, second.stderr
    assert len(json_rows(first)) == len(json_rows(second)) == 2


def test_inputs_that_share_a_name_do_not_overwrite_each_other(inputs: Path, tmp_path: Path) -> None:
    Image.fromarray(photo(9)).save(inputs / "A.png")
    done = leadline_command("predict", inputs / "A.jpg", inputs / "A.png", "--out", tmp_path / "o", "--write", "npz", "--json")
    assert done.returncode == 0, done.stderr
    outputs = [str(row["outputs"][0]) for row in json_rows(done)]
    assert len(set(outputs)) == 2
    assert all(Path(name).is_file() for name in outputs)


def write_bad_files(folder: Path) -> dict[str, str]:
    """Write broken pictures into `folder`; return a word that the error of each must hold."""
    whole = folder / "whole.jpg"
    Image.fromarray(photo(5, (400, 400))).save(whole, quality=95)
    data = whole.read_bytes()
    whole.unlink()
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("this is no picture\n")
    values = photo(6).astype(np.float32) / 255
    values[3, 4] = np.nan
    cv2.imwrite(str(folder / "nan.tiff"), values)
    return {"truncated.jpg": "truncated", "empty.jpg": "empty", "text.jpg": "picture", "nan.tiff": "NaN"}


def test_bad_pictures_are_one_line_each_and_the_rest_of_the_folder_is_done(inputs: Path, tmp_path: Path) -> None:
    words = write_bad_files(inputs)
    out = tmp_path / "o"
    done = leadline_command("predict", inputs, "--out", out, "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    failed = {Path(str(row["path"])).name: str(row["error"]) for row in json_rows(done) if row["error"] is not None}
    assert set(failed) == set(words)
    for name, word in words.items():
        assert word.lower() in failed[name].lower(), failed[name]
        assert "\n" not in failed[name]
    assert sum(row["error"] is None for row in json_rows(done)) == 4
    assert not [p for p in out.rglob("*") if p.name.partition(".")[0] in ("truncated", "empty", "text", "nan")]
    assert not hidden_files(out)
    assert "4" in done.stderr  # the count of failures is said


@pytest.mark.parametrize("hw", [(1, 1), (3, 2000), (2000, 3), (31, 33)])
def test_odd_sizes_get_a_map_of_their_own_size(hw: tuple[int, int], tmp_path: Path) -> None:
    Image.fromarray(photo(7, hw)).save(tmp_path / "odd.png")
    done = leadline_command("predict", tmp_path / "odd.png", "--out", tmp_path, "--write", "npz")
    assert done.returncode == 0, done.stderr
    assert leadline.read_depth(tmp_path / "odd.npz").hw == hw


def test_usage_errors_exit_with_two_and_name_the_value(inputs: Path, tmp_path: Path) -> None:
    for arguments in (["predict"], ["predict", inputs / "A.jpg", "--no-such-option"], ["predikt", "A.jpg"]):
        done = leadline_command(*arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.jpg"], ["missing.jpg"]),
        (["A.jpg", "--write", "docx"], ["docx", "png16"]),
        (["A.jpg", "--model", "no-such-model"], ["no-such-model", SHIPPED]),
        (["A.jpg", "--model", "broken.onnx", "--kind", "disparity/affine_invariant"], ["broken.onnx"]),
        (["A.jpg", "--focal-px", "4"], ["4", "millimet"]),
        (["A.jpg", "--fov-deg", "200"], ["200"]),
        (["A.jpg", "--kind", "depth/wrong", "--model", "broken.onnx"], ["depth/wrong"]),
    ],
)
def test_wrong_values_are_one_line_that_names_them(
    arguments: list[str], words: list[str], inputs: Path, tmp_path: Path
) -> None:
    (inputs / "broken.onnx").write_bytes(b"not a network")
    done = leadline_command("predict", *arguments, "--out", tmp_path / "o", cwd=inputs)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_named(inputs: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    done = leadline_command("predict", inputs / "A.jpg", "--out", locked / "x")
    assert done.returncode == 1
    assert "locked" in done.stderr


def test_an_output_folder_that_is_a_file_is_named(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = leadline_command("predict", inputs / "A.jpg", "--out", tmp_path / "file" / "x")
    assert done.returncode == 1
    assert "file" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files with Linux's ulimit")
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(inputs: Path, tmp_path: Path) -> None:
    # a file that may not grow beyond 16 KiB stands for a full disk: writing fails in the middle
    script = (
        f"trap '' XFSZ; ulimit -f 16; exec {sys.executable} -m leadline predict A.jpg --write npz --out {tmp_path / 'o'} --json"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=inputs, check=False, timeout=300)
    assert done.returncode == 1, done.stderr
    (row,) = json_rows(done)
    assert "A.npz" in str(row["error"])
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "o").rglob("*.npz"))
    assert not hidden_files(tmp_path / "o")


def test_control_c_leaves_whole_files_only(tmp_path: Path) -> None:
    folder, out = tmp_path / "many", tmp_path / "out"
    folder.mkdir()
    for i in range(60):
        Image.fromarray(photo(i, (480, 640))).save(folder / f"{i:03d}.jpg")
    command = [sys.executable, "-m", "leadline", "predict", str(folder), "--out", str(out), "--write", "npz,ply"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=heed_interrupts
    )
    deadline = time.monotonic() + 60
    while not list(out.glob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "leadline: stopped; what was finished is whole, nothing else was written"
    assert "Traceback" not in said
    written = sorted(out.glob("*.npz"))
    assert 0 < len(written) < 60
    for path in written:
        assert leadline.read_depth(path).hw == (480, 640)
    assert not hidden_files(out)


def test_flip_averages_with_the_mirrored_picture(tmp_path):
    from leadline.runtime.averaging import AveragedPredictor

    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    done = leadline_command("predict", tmp_path / "a.png", "--flip", "--out", tmp_path / "out", "--write", "npz")
    assert done.returncode == 0, done.stderr
    found = leadline.read_depth(tmp_path / "out" / "a.npz").values
    expected = AveragedPredictor([leadline.load_predictor()])(picture).depth.values
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.ptp(expected))
