"""`leadline scale fit` and `apply` from files to metres, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.end_to_end.command import hidden_files, leadline_command

from leadline import DepthMap, write_depth
from leadline.data.synthetic.analytic import make_sample
from leadline.io.depth import read_depth

TRUTH = make_sample(0, (96, 128)).depth
PLACES = [(10, 90), (60, 50), (120, 20), (100, 90), (30, 40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scale")
    affine = DepthMap(TRUTH.to_disparity().values / 4 + 0.1, TRUTH.valid, "disparity/affine_invariant", TRUTH.camera)
    write_depth(root / "room.depth.png", affine)
    for number in range(6):
        truth = make_sample(number, (48, 64)).depth
        write_depth(root / "source" / f"s{number}.npz", DepthMap(truth.values / 3, truth.valid, "depth/scale_invariant"))
        write_depth(root / "truth" / f"s{number}.npz", truth)
    return root


def test_measured_points_turn_a_relative_map_into_metres(folder: Path, tmp_path: Path) -> None:
    points = [word for x, y in PLACES for word in ("--point", f"{x},{y}={TRUTH.values[y, x]:.4f}m")]
    done = leadline_command("scale", "fit", folder / "room.depth.png", *points, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["scale"] == pytest.approx(4, rel=0.01)
    assert found["held_out"]["abs_rel"] < 0.01
    done = leadline_command(
        "scale", "apply", folder / "room.depth.png", "--factor", tmp_path / "factor.json", "--write", "npz,preview",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metric = read_depth(tmp_path / "out" / "room.metric.npz")
    assert str(metric.kind) == "depth/metric"
    np.testing.assert_allclose(metric.values, TRUTH.values, rtol=0.01)
    assert hidden_files(tmp_path) == []


def test_numbers_without_a_header_are_metres_if_the_user_says_so(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "lidar.npy", TRUTH.values)
    fit = ("scale", "fit", folder / "room.depth.png", "--sparse", tmp_path / "lidar.npy")
    done = leadline_command(*fit, cwd=tmp_path)
    assert done.returncode == 1
    assert "lidar.npy: it doesn't say what its numbers are" in done.stderr
    done = leadline_command(*fit, "--sparse-kind", "depth/metric", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scale"] == pytest.approx(4, rel=0.01)


def test_many_maps_with_truth_get_one_factor_and_a_report(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    maps = sorted((folder / "source").iterdir())
    done = leadline_command(
        "scale", "fit", *maps, "--sparse", folder / "truth", "--out", tmp_path / "s.json", "--report", tmp_path / "report"
    )
    assert done.returncode == 0, done.stderr
    assert "scale 3 m per unit of depth (95 %: 3 to 3)" in done.stdout
    assert "one line fits all images" in (tmp_path / "report" / "index.md").read_text()
    done = leadline_command(
        "scale", "apply", maps[0], folder / "room.depth.png", "--factor", tmp_path / "s.json", "--out", tmp_path, "--json"
    )
    assert done.returncode == 1  # the second map is of another kind, the first is done
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["error"] is None
    assert Path(first["outputs"][0]).is_file()
    assert "can't be applied" in second["error"]


def test_folders_of_films_keep_the_names_of_their_pictures(tmp_path: Path) -> None:
    for number in range(4):
        truth = make_sample(number, (48, 64)).depth
        name = Path(f"film-{number // 2}") / f"{number % 2}.npz"
        write_depth(tmp_path / "maps" / name, DepthMap(truth.values / 3, truth.valid, "depth/scale_invariant"))
        write_depth(tmp_path / "truth" / name, truth)
    files = sorted((tmp_path / "maps").rglob("*.npz"))
    done = leadline_command("scale", "fit", tmp_path / "maps", "--sparse", tmp_path / "truth", "--out", tmp_path / "f.json")
    assert done.returncode == 0, done.stderr
    assert "scale 3 m per unit" in done.stdout
    done = leadline_command("scale", "apply", tmp_path / "maps", "--factor", tmp_path / "f.json", "--out", tmp_path / "metres")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "metres" / "film-1" / "0.metric.depth.png").is_file()

    for arguments, message in (
        (["fit", *files, "--sparse", tmp_path / "truth"], "two maps named '0', "),
        (["fit", tmp_path / "maps", "--sparse", tmp_path / "maps" / "film-0"], "no file for film-0/0"),
        (["apply", tmp_path / "metres", "--factor", tmp_path / "none.json"], "can't read the factor"),
        (["fit", tmp_path / "metres" / "film-1", "--point", "1,1=1m"], "--point for 2 maps"),
    ):
        done = leadline_command("scale", *arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--point", "10,90=1.9m"], "one point can't fix it"),
        (["--point", "500,90=1.9m", "--point", "5,9=1m"], "outside the picture of 128 x 96"),
        ([], "nothing known in metres"),
        (["--camera-height", "1.5"], "unknown shift too"),
        (["--point", "1,1=1m", "--colmap-unit-m", "2"], "--colmap-unit-m is for --colmap"),
        (["--point", "1,1=1m", "--sparse-kind", "depth/metric"], "--sparse-kind is for --sparse"),
    ],
)
def test_what_can_not_work_is_refused_in_one_line(folder: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = leadline_command("scale", "fit", folder / "room.depth.png", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "factor.json").exists()
