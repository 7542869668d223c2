"""`--engine ray`: a node that is removed at work, and the command line on this machine alone."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.end_to_end.command import json_rows, leadline_command
from tests.end_to_end.test_label_teacher import check_equal
from tests.unit.labels.pictures_and_teachers import GreyTeacher, labels_in, noise_tar

from leadline.labels.job import LabelJob

pytest.importorskip("pyarrow")
pytest.importorskip("ray", reason="the engine 'ray' needs Ray: pip install 'leadline[cluster]'")
psutil = pytest.importorskip("psutil")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def ray_environment(monkeypatch):
    """Ray keeps its files in a folder of the test's own; what still runs with it afterwards is ended, and fails the test."""
    folder = tempfile.mkdtemp(prefix="ll-ray-", dir="/tmp")  # pytest's own is too long for Ray's sockets
    monkeypatch.setenv("RAY_TMPDIR", folder)
    monkeypatch.setenv("HOME", folder)  # where Ray would leave a token
    yield
    ours = [process for process in psutil.process_iter() if process.pid != os.getpid() and _tmpdir(process) == folder]
    _, left = psutil.wait_procs(ours, timeout=15)
    names = [process.name() for process in left]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    assert names == []


def _tmpdir(process):
    try:
        return process.environ().get("RAY_TMPDIR")
    except psutil.Error:
        return None


@pytest.mark.slow
def test_a_node_that_is_removed_at_work_costs_no_label_and_doubles_none(tmp_path, ray_environment):
    source = noise_tar(tmp_path / "in.tar", 400)
    assert (
        sum(
            done.counts["labelled"]
            for done in LabelJob([str(source)], GreyTeacher(), tmp_path / "whole", shard_images=20).run()
        )
        == 400
    )
    command = [
        sys.executable,
        "-m",
        "tests.end_to_end.ray_label_cluster",
        str(source),
        str(tmp_path / "out"),
        "20",
        "0.05",
        "5",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=150, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr[-3000:]
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["cluster"] == "2 nodes with 2 CPUs: 1 to 2 workers of 1 CPUs"
    assert 5 <= said["removed_after"] < 20, "both nodes were at work, and there was work left"
    assert len(said["notes"]) == 1, said["notes"]
    assert "is lost; its shards go to others" in said["notes"][0]
    assert (said["shards"], said["counts"]) == (20, {"labelled": 400})
    check_equal(tmp_path / "out", tmp_path / "whole", 400, 20)
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))


@pytest.mark.slow
def test_the_command_line_gives_the_same_bytes_and_counts_by_either_engine(tmp_path, ray_environment):
    source = noise_tar(tmp_path / "in.tar", 30)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    common = ("label", "teacher", source, tmp_path / "broken.png")
    settings = ("--shard-images", 8, "--model", "ramp", "--json")
    local = leadline_command(*common, tmp_path / "local", *settings)
    on_ray = leadline_command(*common, tmp_path / "ray", *settings, "--engine", "ray")
    for done in (local, on_ray):
        assert done.returncode == 1, done.stderr
        assert "1 failed, 30 labelled" in done.stderr
    assert sorted(json_rows(on_ray), key=str) == sorted(json_rows(local), key=str)
    assert "leadline: Ray: 1 nodes with" in on_ray.stderr
    assert labels_in(tmp_path / "ray") == labels_in(tmp_path / "local")
    assert [path.name for path in sorted((tmp_path / "ray" / "shards").iterdir())] == [
        path.name for path in sorted((tmp_path / "local" / "shards").iterdir())
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--workers", "2"), "--workers 2 is of --engine ray: add that, or leave it out"),
        (("--engine", "ray", "--workers", "0"), "0 workers: expected at least 1"),
        (("--engine", "ray", "--workers", "many"), "--workers 'many': expected a number, or the fewest and the most"),
        (("--engine", "ray", "--ray-address", "127.0.0.1:1"), "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_what_a_cluster_can_not_be_asked_is_one_line(tmp_path, arguments, line):
    done = leadline_command("label", "teacher", tmp_path, tmp_path / "out", "--model", "ramp", *arguments)
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
