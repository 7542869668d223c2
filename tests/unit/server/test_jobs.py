import io
import json
import zipfile

import av
import numpy as np
import pytest
from tests.unit.server.job_server import HW, Brightness, job_server, picture, png, video, wait_until, zipped

from leadline.io.depth import decode_depth


@pytest.fixture
def predictor():
    return Brightness()


@pytest.fixture
def server(tmp_path, predictor):
    with job_server(tmp_path, predictor) as server:
        yield server
    predictor.go.set()
    assert server.files == []
    assert list(server.settings.job_dir.glob("*")) == []


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_zip_of_pictures_becomes_a_zip_of_maps_with_their_names(server):
    sent = {f"in/{level}.png": png(level) for level in (50, 100, 150)}
    reply = server.start(zipped(sent), "holiday.zip", output="npz")
    assert reply.headers["location"] == f"/v1/jobs/{reply.id}"
    record = server.finished(reply.id)
    assert (record["state"], record["kind"], record["total"], record["done"], record["failed"]) == ("done", "zip", 3, 3, 0)
    assert record["message"] is None
    answer = server.ask("GET", f"/v1/jobs/{reply.id}/result")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    assert 'filename="holiday.depth.zip"' in answer.headers["content-disposition"]
    files = unpacked(answer.body)
    assert sorted(files) == ["in/100.npz", "in/150.npz", "in/50.npz", "report.json"]
    for level in (50, 100, 150):
        depth = decode_depth(files[f"in/{level}.npz"], "npz")
        np.testing.assert_array_equal(depth.values, picture(level).mean(axis=2))
        assert str(depth.kind) == "disparity/affine_invariant"
    report = json.loads(files["report.json"])
    assert report["model"] == "brightness.test"
    assert [line["output"] for line in report["pictures"]] == ["in/50.npz", "in/100.npz", "in/150.npz"]
    assert server.files == ["result.zip"]


@pytest.mark.parametrize(("output", "suffix"), [("png16", ".depth.png"), ("preview", ".preview.png")])
def test_pictures_come_in_the_format_that_is_asked_for(server, output, suffix):
    id = server.start(zipped({"a.png": png()}), query=f"?output={output}").id
    assert server.finished(id)["state"] == "done"
    files = unpacked(server.ask("GET", f"/v1/jobs/{id}/result").body)
    assert sorted(files) == [f"a{suffix}", "report.json"]
    assert files[f"a{suffix}"].startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov", ".mts"])
def test_a_video_becomes_a_video_of_as_many_frames(server, tmp_path, suffix):
    id = server.start(video(tmp_path, 5, suffix), f"film{suffix}").id
    record = server.finished(id)
    assert (record["state"], record["kind"], record["done"], record["failed"]) == ("done", "video", 5, 0)
    answer = server.ask("GET", f"/v1/jobs/{id}/result")
    assert answer.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(answer.body)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert [frame.shape for frame in frames] == [(*HW, 3)] * 5


def test_a_player_can_ask_for_a_part_of_the_video(server, tmp_path):
    id = server.start(video(tmp_path), "film.mp4").id
    server.finished(id)
    whole = server.ask("GET", f"/v1/jobs/{id}/result").body
    part = server.ask("GET", f"/v1/jobs/{id}/result", headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, whole[10:20])


def test_frames_of_a_video_come_as_files_in_a_zip(server, tmp_path):
    id = server.start(video(tmp_path, 3), "film.mp4", output="png16").id
    assert server.finished(id)["done"] == 3
    files = unpacked(server.ask("GET", f"/v1/jobs/{id}/result").body)
    assert sorted(files) == ["000000.depth.png", "000001.depth.png", "000002.depth.png", "report.json"]
    assert decode_depth(files["000001.depth.png"], "png16").hw == HW
    assert [line["time_s"] for line in json.loads(files["report.json"])["pictures"]] == pytest.approx([0, 0.1, 0.2], abs=1e-3)


def test_a_side_by_side_preview_is_twice_as_wide(server, tmp_path):
    id = server.start(video(tmp_path, 2), "film.mp4", side_by_side="true", colormap="grey").id
    assert server.finished(id)["state"] == "done"
    with av.open(io.BytesIO(server.ask("GET", f"/v1/jobs/{id}/result").body)) as film:
        assert film.streams.video[0].width == 2 * HW[1]


def test_a_result_can_be_fetched_twice(server):
    id = server.start(zipped({"a.png": png()})).id
    server.finished(id)
    first, second = (server.ask("GET", f"/v1/jobs/{id}/result") for _ in range(2))
    assert first.status == second.status == 200
    assert first.body == second.body


def test_there_is_no_result_before_the_end(server, predictor):
    predictor.go.clear()
    id = server.start(zipped({"a.png": png()})).id
    reply = server.ask("GET", f"/v1/jobs/{id}/result")
    assert (reply.status, reply.json()["code"]) == (409, "not_done")
    predictor.go.set()
    assert server.finished(id)["state"] == "done"


def test_single_pictures_pass_the_frames_of_a_job(server, predictor):
    predictor.go.clear()
    id = server.start(zipped({f"{i}.png": png() for i in range(4)})).id
    assert predictor.entered.acquire(timeout=20)
    order = []
    pending = [server.queue.submit(lambda: order.append(predictor.calls)) for _ in range(3)]
    predictor.go.set()
    for future in pending:
        future.result(20)
    assert server.finished(id)["done"] == 4
    assert max(order) <= 2  # at most one more frame had begun


@pytest.mark.parametrize(
    ("query", "fields", "says"),
    [
        ("?output=exr", {}, "output"),
        ("", {"output": "gif"}, "output"),
        ("?colormap=sunset", {}, "colormap"),
        ("?unknown=1", {}, "unknown option"),
        ("?output=npz", {"output": "npz"}, "twice"),
        ("", {"side_by_side": "perhaps"}, "side_by_side"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(server, query, fields, says):
    reply = server.start(zipped({"a.png": png()}), query=query, **fields)
    assert (reply.status, reply.json()["code"]) == (400, "bad_option")
    assert says in reply.json()["error"]
    assert server.files == []


def test_an_unknown_model_is_refused(server):
    reply = server.start(zipped({"a.png": png()}), model="other.v9")
    assert (reply.status, reply.json()["code"]) == (404, "no_model")
    assert server.files == []


def test_a_known_model_is_taken_by_its_name(server):
    assert server.finished(server.start(zipped({"a.png": png()}), model="brightness.test").id)["state"] == "done"


@pytest.mark.parametrize(
    "path", ["/v1/jobs/nothing", "/v1/jobs/nothing/events", "/v1/jobs/nothing/result", "/v1/jobs/..%2f..%2f"]
)
def test_an_unknown_job_is_not_found(server, path):
    assert server.ask("GET", path).status == 404


def test_every_listener_gets_the_record_at_once_and_the_end(server, predictor):
    predictor.go.clear()
    id = server.start(zipped({f"{i}.png": png() for i in range(3)})).id
    assert predictor.entered.acquire(timeout=20)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        listening = [pool.submit(server.events, id) for _ in range(4)]
        wait_until(lambda: server.record(id)["state"] == "running")
        predictor.go.set()
        heard = [future.result(20) for future in listening]
    for events in heard:
        names = [name for name, _ in events]
        assert names[0] == "progress"
        assert names[-1] == "done"
        assert set(names[:-1]) == {"progress"}
        counts = [record["done"] for _, record in events]
        assert counts == sorted(counts)
        assert counts[-1] == 3
    assert server.events(id) == [("done", heard[0][-1][1])]  # one who comes late gets the end alone
