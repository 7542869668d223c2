"""`leadline serve` in a process of its own, used by other commands and by the client."""

import json
import re
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from tests.end_to_end.command import json_rows, leadline_command
from tests.shipped import SHIPPED
from tests.unit.evaluation.known_answers import depth_of
from tests.unit.server.job_server import video, wait_until, zipped

from leadline.client import DepthClient
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.result import read_result
from leadline.io.depth import read_depth
from leadline.io.image import read_image
from leadline.runtime.predictor import load_predictor

pytest.importorskip("fastapi")
pytestmark = pytest.mark.slow
HW = (48, 64)


class Served:
    """A server, its address, and where it keeps jobs."""

    def __init__(self, folder, *arguments):
        self.jobs, self.log = folder / "jobs", folder / "log.txt"
        command = [sys.executable, "-m", "leadline", "serve", "--port", "0", "--job-dir", str(self.jobs), *arguments]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: re.search(r"http://\S+", self.log.read_text()) or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.log.read_text()
        self.url = re.search(r"http://\S+", self.log.read_text())[0]
        wait_until(self._answers, 30)

    def _answers(self):
        try:
            DepthClient(self.url, retries=0).models()
        except LeadlineError:
            return False
        return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text()
        assert list(self.jobs.glob("*")) == []


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("server"))
    yield served
    served.stop()


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Four rooms in TUM's layout, with pictures that have something to see."""
    root = tmp_path_factory.mktemp("rooms")
    for seed in range(4):
        depth = depth_of(seed, HW)
        cv2.imwrite(str(root / f"{seed}_depth.png"), np.rint(depth * 5000).astype(np.uint16))
        shade = np.clip(255 / depth, 0, 255)[..., None] + np.random.default_rng(seed).normal(0, 9, (*HW, 3))
        cv2.imwrite(str(root / f"{seed}_color.png"), np.clip(shade, 0, 255).astype(np.uint8))
    return root


def test_an_evaluation_against_the_server_scores_exactly_as_the_network_itself(served, rooms, tmp_path):
    results = {}
    for name, model in (("local", "leadline-s"), ("remote", served.url)):
        out = tmp_path / f"{name}.json"
        done = leadline_command(
            "evaluate", "--model", model, "--dataset", "tum", "--root", rooms, "--protocol", "midas-tum", "--json", out
        )
        assert done.returncode == 0, done.stderr
        results[name] = read_result(out)
    assert results["remote"].rows == results["local"].rows
    assert results["remote"].model.name == results["local"].model.name == SHIPPED
    assert len(results["local"].scored) == 4


def test_predict_and_label_take_the_server_for_a_model(served, rooms, tmp_path):
    picture = rooms / "0_color.png"
    done = leadline_command("predict", picture, "--model", served.url, "--out", tmp_path, "--write", "npz", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json_rows(done)
    answer = read_depth(row["outputs"][0])
    expected = load_predictor()(read_image(picture).pixels).depth
    np.testing.assert_array_equal(answer.values, expected.values)
    assert answer.source == SHIPPED
    done = leadline_command(
        "label", "teacher", rooms / "*_color.png", tmp_path / "labels", "--model", served.url, "--size", "image"
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "labels").rglob("*.tar"))


def test_a_zip_and_a_video_go_through(served, rooms, tmp_path):
    pictures = {path.name: path.read_bytes() for path in rooms.glob("*_color.png")}
    (tmp_path / "rooms.zip").write_bytes(zipped(pictures))
    (tmp_path / "film.mp4").write_bytes(video(tmp_path, 6))
    with DepthClient(served.url) as client:
        jobs = [client.submit(tmp_path / "rooms.zip", "npz"), client.submit(tmp_path / "film.mp4")]
        assert [job.wait().done for job in jobs] == [4, 6]
        import zipfile

        with zipfile.ZipFile(jobs[0].save(tmp_path / "maps.zip")) as archive:
            assert sorted(archive.namelist()) == [*(f"{i}_color.npz" for i in range(4)), "report.json"]
            report = json.loads(archive.read("report.json"))
            archive.extract("2_color.npz", tmp_path)
        assert report["kind"] == "disparity/affine_invariant"
        answer = read_depth(tmp_path / "2_color.npz")
        same(answer, load_predictor()(read_image(rooms / "2_color.png").pixels).depth)
        assert jobs[1].save(tmp_path / "depth.mp4").stat().st_size > 500
        for job in jobs:
            job.cancel()
        assert [path.name for path in served.jobs.glob("*/*")] == ["in-use"]


def same(answer: DepthMap, expected: DepthMap) -> None:
    np.testing.assert_array_equal(answer.values, expected.values)
    np.testing.assert_array_equal(answer.valid, expected.valid)


def test_what_a_killed_server_left_is_removed_by_the_next(rooms, tmp_path):
    (tmp_path / "film.mp4").write_bytes(video(tmp_path, 400))
    (tmp_path / "rooms.zip").write_bytes(zipped({"a.png": (rooms / "0_color.png").read_bytes()}))
    killed = Served(tmp_path)
    with DepthClient(killed.url) as client:
        client.submit(tmp_path / "film.mp4")
    killed.process.kill()
    killed.process.wait()
    (left,) = killed.jobs.glob("*")
    following = Served(tmp_path)
    with DepthClient(following.url) as client:
        client.submit(tmp_path / "rooms.zip").wait()
    assert left not in following.jobs.glob("*")
    following.stop()


def test_a_signal_ends_a_running_job_at_once_and_leaves_no_file(tmp_path):
    served = Served(tmp_path)
    (tmp_path / "film.mp4").write_bytes(video(tmp_path, 400))
    client = DepthClient(served.url)
    job = client.submit(tmp_path / "film.mp4", "npz")
    wait_until(lambda: job.record.done > 2, 60)
    assert list(served.jobs.rglob("*.zip"))
    client.close()
    start = time.monotonic()
    served.stop()
    assert time.monotonic() - start < 20
