"""`leadline evaluate` writes two results and a report, `leadline compare` reads the results."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.end_to_end.command import hidden_files, leadline_command


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures of a level floor, on which a ramp is right and a constant map is not; each scored under one protocol."""
    folder = tmp_path_factory.mktemp("compare")
    pictures = folder / "tum"
    pictures.mkdir()
    rows = (np.arange(48)[:, None] + 0.5) / 48
    for i in range(8):
        rng = np.random.default_rng(i)
        disparity = 0.3 + rng.uniform(0.2, 1) * rows + 0.02 * rng.random((48, 64))
        cv2.imwrite(str(pictures / f"{i}_color.png"), np.full((48, 64, 3), 20 * i, np.uint8))
        cv2.imwrite(str(pictures / f"{i}_depth.png"), np.rint(5000 / disparity).astype(np.uint16))
    for model in ("constant", "ramp"):
        done = leadline_command(
            "evaluate", "--model", model, "--dataset", "tum", "--root", pictures, "--protocol", "midas-tum",
            "--json", folder / f"{model}.json", "--report", folder / model,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder


def test_compare_names_the_better_model_for_people_and_for_machines(results: Path) -> None:
    files = results / "constant.json", results / "ramp.json"
    told = leadline_command("compare", *files)
    assert told.returncode == 0, told.stderr
    assert "B  ramp" in told.stdout
    (abs_rel,) = (line for line in told.stdout.splitlines() if line.startswith("| abs_rel"))
    assert "B is better" in abs_rel
    assert "8 / 0" in abs_rel

    machine = leadline_command("compare", *files, "--metric", "abs_rel,delta1", "--class", "all", "--seed", 3, "--json")
    content = json.loads(machine.stdout)
    assert [d["metric"] for d in content["differences"]] == ["abs_rel", "delta1"]
    assert content["differences"][0]["high"] < 0
    assert content["seed"] == 3

    back = leadline_command("compare", *reversed(files), "--metric", "abs_rel")
    assert "B is worse" in back.stdout


def test_the_report_stands_alone_and_shows_pictures(results: Path) -> None:
    page = (results / "ramp/index.html").read_text()
    assert "ramp on tum" in page
    assert page.count('src="data:image/') == 8 * 5
    assert "href=" not in page
    assert 'src="http' not in page
    assert not hidden_files(results)


def test_results_that_can_not_be_compared_end_in_one_line(results: Path) -> None:
    base = results / "constant.json"
    content = json.loads(base.read_text())
    content["protocol"] |= {"cap_m": 80.0, "fingerprint": "00000000"}
    changed = results / "changed.json"
    changed.write_text(json.dumps(content))
    broken = results / "broken.json"
    broken.write_text("{}")
    for arguments, code, said in (
        ((base, changed), 1, "different protocols: cap_m is 10.0"),
        ((base, broken), 1, "broken.json: no result"),
        ((base,), 1, "expected two or more"),
        ((base, base, "--metric", "nothing"), 1, "no metric 'nothing'"),
        ((base, base, "--seed", "-1"), 1, "seed -1"),
        ((base, base, "--seed", "x"), 2, "--seed"),
    ):
        done = leadline_command("compare", *arguments)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr
