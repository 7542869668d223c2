"""`leadline label teacher` as a user runs it: killed, shared, out of disk, refused."""

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from tests.end_to_end.command import hidden_files, json_rows, leadline_command
from tests.shipped import SHIPPED
from tests.unit.labels.pictures_and_teachers import encoded, labels_in, noise, noise_tar

from leadline import read_depth
from leadline.labels.manifest import read_manifest

pytest.importorskip("pyarrow")
ROOT = Path(__file__).parents[2]


def start(source, out, shard_images, seconds):
    command = [sys.executable, "-m", "tests.end_to_end.label_worker", source, out, shard_images, seconds]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def finish(workers):
    shares = []
    for worker in workers:
        said, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        shares.append(int(said.split()[-1]))
    return shares


def kill_and_restart(source, out, shard_images, seconds, kills, rng):
    """Two workers; at each of `kills` random instants both are killed, or one of them, and started anew. Returns the last."""
    workers = [start(source, out, shard_images, seconds) for _ in range(2)]
    for kill in range(kills):
        victims = (rng.randrange(2),) if kill % 4 == 3 else (0, 1)
        if kill % 5 != 4:  # at work; else at whatever they do, imports and planning included
            for number in victims:
                workers[number].stdout.readline()
        time.sleep(rng.uniform(0, 0.5))
        for number in victims:
            workers[number].send_signal(signal.SIGKILL)
            workers[number].communicate()
            workers[number] = start(source, out, shard_images, seconds)
    return workers


def check_equal(out, whole, images, shards):
    rows = read_manifest(out).to_pylist()
    assert [row["index"] for row in rows] == list(range(images))
    assert {row["state"] for row in rows} == {"labelled"}
    assert len({(row["source"], row["member"]) for row in rows}) == images
    names = sorted(path.name for path in (out / "shards").iterdir() if not path.name.startswith("."))
    assert names == sorted(path.name for path in (whole / "shards").iterdir())
    assert len(names) == shards
    assert all((out / "shards" / name).read_bytes() == (whole / "shards" / name).read_bytes() for name in names)
    assert len(labels_in(out)) == 2 * images
    assert rows == read_manifest(whole).to_pylist()
    assert not list((out / "shards").glob(".*")), "unfinished shards of killed workers"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_two_workers_killed_at_ten_instants_label_every_picture_once_as_if_undisturbed(tmp_path):
    source = noise_tar(tmp_path / "in.tar", 2000)
    finish([start(source, tmp_path / "whole", 40, 0)])
    workers = kill_and_restart(source, tmp_path / "out", 40, 0.008, kills=10, rng=random.Random(0))
    before = len(list((tmp_path / "out" / "manifest").glob("part-*")))
    finish(workers)
    assert before < 50, "the last kill came after the work"
    check_equal(tmp_path / "out", tmp_path / "whole", 2000, 50)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_a_killed_worker_loses_its_shard_alone_and_another_takes_it_over(tmp_path):
    source = noise_tar(tmp_path / "in.tar", 120)
    finish([start(source, tmp_path / "whole", 20, 0)])
    first = start(source, tmp_path / "out", 20, 0.01)
    while len(list((tmp_path / "out" / "manifest").glob("part-*"))) < 1:
        time.sleep(0.01)
    first.kill()
    first.communicate()
    done = len(list((tmp_path / "out" / "manifest").glob("part-*")))
    assert done < 6
    assert sum(finish([start(source, tmp_path / "out", 20, 0) for _ in range(2)])) == 6 - done
    check_equal(tmp_path / "out", tmp_path / "whole", 120, 6)


def test_a_folder_is_labelled_from_the_command_line_and_resumed(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(5):
        (tmp_path / "photos" / f"{number}.png").write_bytes(encoded(noise(number, (48, 64))))
    (tmp_path / "photos" / "5.jpg").write_bytes(b"\xff\xd8 cut off")
    arguments = ("label", "teacher", tmp_path / "photos", tmp_path / "out", "--shard-images", 4, "--model", "ramp")
    plan = leadline_command(*arguments, "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    assert {key: json.loads(plan.stdout)[key] for key in ("images", "shards", "sample_failed")} == {
        "images": 6, "shards": 2, "sample_failed": 1
    }  # fmt: skip
    assert not (tmp_path / "out").exists()
    done = leadline_command(*arguments, "--json")
    assert done.returncode == 1
    assert sorted((row["shard"], row["by"]) for row in json_rows(done)) == [(0, "this"), (1, "this")]
    assert "1 failed, 5 labelled" in done.stderr
    again = leadline_command(*arguments, "--json")
    assert [row["by"] for row in json_rows(again)] == ["before", "before"]
    other = leadline_command(*arguments[:-1], "constant")
    assert other.returncode == 1
    assert "model name = 'ramp', not 'constant': choose another folder" in other.stderr
    assert "Traceback" not in other.stderr
    assert hidden_files(tmp_path / "out" / "shards") == []


def test_labels_in_bf16_are_near_those_in_fp32_and_do_not_mix_with_them(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes(encoded(noise(0, (64, 96))))
    maps = {}
    for precision in ("fp32", "bf16"):
        arguments = ("label", "teacher", tmp_path / "photos", tmp_path / precision, "--precision", precision)
        done = leadline_command(*arguments)
        assert done.returncode == 0, done.stderr
        (label,) = (data for name, data in labels_in(tmp_path / precision).items() if name.endswith(".png"))
        (tmp_path / f"{precision}.png").write_bytes(label)
        maps[precision] = read_depth(tmp_path / f"{precision}.png").values
    fp32, bf16 = maps["fp32"], maps["bf16"]
    assert np.abs(fp32 - bf16).max() < 0.1 * np.ptp(fp32)  # equal where a processor has no bf16
    mixed = leadline_command("label", "teacher", tmp_path / "photos", tmp_path / "fp32", "--precision", "bf16")
    assert mixed.returncode == 1
    assert "holds labels with precision = 'fp32', not 'bf16'" in mixed.stderr


def test_labels_are_the_mean_of_several_networks_and_of_mirrored_pictures(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes(encoded(noise(0, (64, 96))))
    arguments = ("label", "teacher", tmp_path / "photos", tmp_path / "out", "--model", "leadline-s,ramp", "--flip")
    done = leadline_command(*arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "labels.json").read_text())["model"]["name"] == f"{SHIPPED}+ramp+mirrored"
    again = leadline_command(*arguments[:-1])
    assert f"model name = '{SHIPPED}+ramp+mirrored', not '{SHIPPED}+ramp'" in again.stderr
    wrong = leadline_command(*arguments[:-2], "leadline-s,,ramp")
    assert wrong.returncode == 1
    assert "expected one model, or several with commas between" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("only",), "only 'only': expected pictures and, last, the folder"),
        (("memory://gone/x.tar", "out"), "no file memory://gone/x.tar: check the name"),
        (("in.txt", "out", "--sky", "no.onnx"), "no.onnx"),
        (("in.txt", "in.txt"), "can't write to in.txt"),
        (("in.txt", "out", "--precision", "bf16"), "--precision bf16 for ramp: expected an ONNX file"),
        (("in.txt", "out", "--flip", "--max-flip-difference", "0.3"), "--max-flip-difference 0.3 compares"),
    ],
)
def test_what_can_not_be_labelled_is_one_line(tmp_path, arguments, line):
    (tmp_path / "in.txt").write_text("a.png\n")
    done = leadline_command("label", "teacher", *arguments, "--model", "ramp", cwd=tmp_path)
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sky_that_a_segmenter_finds_is_disparity_0_and_named_in_the_record(tmp_path, monkeypatch):
    from leadline.cli.label_teacher import teacher
    from leadline.runtime.segmenter_card import SegmenterCard

    class UpperHalf:
        card = SegmenterCard("upper-half.v1", sha256="ab")

        def sky(self, picture):
            return np.arange(len(picture))[:, None] < np.full(picture.shape[1], len(picture) // 2)

    monkeypatch.setattr("leadline.cli.segmenter.named_segmenter", lambda name: UpperHalf())
    source = noise_tar(tmp_path / "in.tar", 2)
    assert teacher(str(source), str(tmp_path / "out"), model="constant", sky="auto") == 0
    assert json.loads((tmp_path / "out" / "labels.json").read_text())["settings"]["sky"] == "upper-half.v1 ab"
    rows = read_manifest(tmp_path / "out").to_pylist()
    assert [(row["sky_share"], row["lowest"], row["highest"], row["mean"]) for row in rows] == [(0.5, 0, 1, 0.5)] * 2


def test_a_full_disk_ends_the_job_in_one_line_and_keeps_what_is_finished(tmp_path):
    pytest.importorskip("resource", reason="limits the size of files on Unix alone")
    source = noise_tar(tmp_path / "in.tar", 30)
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from tests.unit.labels.pictures_and_teachers import GreyTeacher
        from leadline.errors import LeadlineError
        from leadline.labels.job import LabelJob
        source, out, limit = sys.argv[1:]
        job = LabelJob([source], GreyTeacher(), Path(out), shard_images=10)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))  # as on a full disk
        try:
            for done in job.run():
                print(done.by)
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        except LeadlineError as error:
            print(error)
    """)

    def run(limit):
        command = [sys.executable, "-c", program, str(source), str(tmp_path / "out"), str(limit)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT).stdout.splitlines()

    first, last = run(10_000_000)
    assert first == "this"
    assert "the disk or quota is full; free some space and run again: finished shards are kept" in last
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 1
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))
    finish([start(source, tmp_path / "out", 10, 0)])
    assert read_manifest(tmp_path / "out").num_rows == 30
