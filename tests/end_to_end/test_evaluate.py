"""`leadline evaluate` on tiny data sets in a real layout: models, folders of files, protocols, refusals."""

import json

import cv2
import numpy as np
import pytest
from tests.end_to_end.command import hidden_files, leadline_command
from tests.shipped import SHIPPED
from tests.unit.evaluation.known_answers import depth_of

from leadline.cli import main
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, DepthMap
from leadline.evaluation.protocols.registry import all_protocols
from leadline.evaluation.result import read_result
from leadline.io.depth import write_depth

HW = (48, 64)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Four rooms in TUM's layout, and their true depth."""
    root = tmp_path_factory.mktemp("rooms")
    truth = {}
    for seed in range(4):
        counts = np.rint(depth_of(seed, HW) * 5000).astype(np.uint16)
        cv2.imwrite(str(root / f"{seed}_color.png"), np.full((*HW, 3), 100 + seed, np.uint8))
        cv2.imwrite(str(root / f"{seed}_depth.png"), counts)
        truth[str(seed)] = counts / 5000
    return root, truth


def run(capsys, *arguments):
    """Return (exit code, stdout, stderr) of the command in this process."""
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *map(str, arguments)])
    out = capsys.readouterr()
    return stopped.value.code, out.out, out.err


def on(rooms, protocol="midas-tum"):
    return "--dataset", "tum", "--root", rooms[0], "--protocol", protocol


def predictions(folder, truth, change=lambda z: 5 / z + 2, kind=RELATIVE_DISPARITY, skip=()):
    for name, depth in truth.items():
        if name not in skip:
            write_depth(folder / f"{name}.npz", DepthMap(change(depth), None, kind))
    return folder


def test_the_shipped_model_is_scored_in_a_process_of_its_own(rooms, tmp_path):
    out = tmp_path / "r.json"
    done = leadline_command("evaluate", "--model", "leadline-s", *on(rooms), "--json", out, "--classes", "edges,distance")
    assert done.returncode == 0, done.stderr
    assert "4 of 4 images scored, 0 of them failed" in done.stderr
    assert "| abs_rel" in done.stdout
    result = read_result(out)
    assert result.model.name == SHIPPED
    assert len(result.model.sha256) == 64
    assert set(result.classes) == {"all", "edges", "interior", "near", "mid", "far"}
    assert result.fingerprint in done.stderr
    assert not list(tmp_path.glob("*.part"))
    assert not hidden_files(tmp_path)


def test_perfect_files_up_to_scale_and_shift_score_one(rooms, tmp_path, capsys):
    folder = predictions(tmp_path, rooms[1])
    code, out, _ = run(capsys, "--predictions", folder, *on(rooms))
    assert code == 0
    delta1 = next(line for line in out.splitlines() if line.startswith("| delta1"))
    assert "1.000" in delta1


def test_a_missing_file_is_counted_scored_and_makes_exit_code_one(rooms, tmp_path, capsys):
    folder = predictions(tmp_path / "p", rooms[1], skip=("2",))
    code, _, error = run(capsys, "--predictions", folder, *on(rooms), "--json", tmp_path / "r.json")
    assert code == 1
    assert "4 of 4 images scored, 1 of them failed" in error
    assert "failed: 2: no prediction for '2'" in error
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["metrics"]["all"]["delta1"] == 0.75


def test_the_wrong_kind_is_one_line_with_the_remedy(rooms, tmp_path, capsys):
    folder = predictions(tmp_path, rooms[1])
    code, out, error = run(capsys, "--predictions", folder, *on(rooms, "metric-10m"))
    assert (code, out) == (1, "")
    assert "compares metres" in error.splitlines()[-1]
    assert "take one of midas-tum, disparity-scale-shift-8m" in error  # the data set's own first


def test_metres_are_scored_as_metres(rooms, tmp_path, capsys):
    folder = predictions(tmp_path, rooms[1], lambda z: z, METRIC_DEPTH)
    code, out, _ = run(capsys, "--predictions", folder, *on(rooms, "metric-10m"))
    assert code == 0
    assert "| mae" in out


def test_a_stopped_run_goes_on_and_that_of_another_model_is_refused(rooms, tmp_path, capsys):
    out = tmp_path / "r.json"
    assert run(capsys, "--model", "ramp", *on(rooms), "--json", out)[0] == 0
    whole = read_result(out)
    part = tmp_path / "r.jsonl.part"
    key = {
        "model": f"ramp {whole.model.kind}",
        "data set": f"tum {whole.dataset.version}",
        "protocol": f"midas-tum {whole.fingerprint}",
    }
    rows = [row.to_dict() for row in whole.rows[:2]]
    rows[0]["note"] = "kept from before"
    part.write_text("".join(json.dumps(line) + "\n" for line in (key, *rows)))
    code, _, error = run(capsys, "--model", "ramp", *on(rooms), "--json", out)
    assert code == 0
    assert "goes on after the 2 images of a stopped run" in error
    assert read_result(out).rows[0].note == "kept from before"
    assert not part.exists()
    part.write_text(json.dumps(key) + "\n")
    code, _, error = run(capsys, "--model", "constant", *on(rooms), "--json", out)
    assert code == 1
    assert "rows of another model: give --no-resume" in error
    assert run(capsys, "--model", "constant", *on(rooms), "--json", out, "--no-resume")[0] == 0


def test_the_list_shows_every_protocol_with_its_fingerprint(capsys):
    code, out, _ = run(capsys, "--list")
    assert code == 0
    listed = {line.split()[1]: line.split()[0] for line in out.splitlines()}
    assert listed == {protocol.name: protocol.fingerprint for protocol in all_protocols()}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "evaluate needs --dataset, --root, --protocol, --model or --predictions"),
        (("--model", "ramp", "--dataset", "tum", "--root", ".", "--protocol", "midas"), 1, "did you mean midas-tum"),
        (("--model", "ramp", "--dataset", "tom", "--root", ".", "--protocol", "midas-tum"), 1, "unknown data set 'tom'"),
        (("--model", "no-such", "--dataset", "tum", "--root", "{root}", "--protocol", "midas-tum"), 1, "no network 'no-such'"),
        (("--model", "ramp", "--dataset", "tum", "--root", "{empty}", "--protocol", "midas-tum"), 1, "sample in"),
        (("--model", "./no/such", "--dataset", "tum", "--root", "{root}", "--protocol", "midas-tum"), 1, "no file or folder"),
        (
            ("--model", "ramp", "--kind", "depth/metric", "--dataset", "tum", "--root", "{root}", "--protocol", "midas-tum"),
            1,
            "leave it out",
        ),
        (("--model", "{empty}", "--dataset", "tum", "--root", "{root}", "--protocol", "midas-tum"), 1, "is no checkpoint"),
        (
            ("--model", "ramp", "--predictions", ".", "--dataset", "tum", "--root", ".", "--protocol", "midas-tum"),
            2,
            "give one",
        ),
    ],
)
def test_wrong_usage_is_one_line(rooms, tmp_path, capsys, arguments, code, message):
    given = [argument.format(root=rooms[0], empty=tmp_path) for argument in arguments]
    found, _, error = run(capsys, *given)
    assert found == code
    assert message in error
    assert error.count("\n") == 1


def test_the_list_for_a_data_set_leaves_out_what_is_meant_for_others(capsys):
    code, out, _ = run(capsys, "--list", "--dataset", "tum")
    assert code == 0
    listed = {line.split()[1] for line in out.splitlines()}
    assert {"midas-tum", "metric-10m"} <= listed
    assert not {"midas-kitti", "da-2k"} & listed


def test_predictions_of_the_data_set_s_own_pictures_are_found(rooms, tmp_path, capsys):
    """``leadline predict`` names 0_color.npz what it makes of 0_color.png, the picture of sample 0."""
    for name, depth in rooms[1].items():
        write_depth(tmp_path / f"{name}_color.npz", DepthMap(5 / depth + 2, None, RELATIVE_DISPARITY))
    code, out, _ = run(capsys, "--predictions", tmp_path, *on(rooms), "--limit", 2)
    assert code == 0
    assert "1.000" in next(line for line in out.splitlines() if line.startswith("| delta1"))


def test_a_report_can_not_be_written_into_a_file(rooms, tmp_path, capsys):
    (tmp_path / "taken").touch()
    code, out, error = run(capsys, "--model", "ramp", *on(rooms), "--report", tmp_path / "taken/report")
    assert (code, out) == (1, "")
    assert "taken is a file, expected a folder" in error


def test_upside_down_fits_are_explained(rooms, tmp_path, capsys):
    folder = predictions(tmp_path, rooms[1], lambda z: 3 - 1 / z)
    code, _, error = run(capsys, "--predictions", folder, *on(rooms))
    assert code == 0
    assert "4 fits upside down" in error
    assert "such a score says little" in error


def test_a_protocol_of_another_data_set_is_told(rooms, capsys):
    code, _, error = run(capsys, "--model", "ramp", *on(rooms, "midas-kitti"), "--limit", 2)
    assert code == 0
    assert "midas-kitti is meant for" in error
    assert "2 of 2 images scored" in error
