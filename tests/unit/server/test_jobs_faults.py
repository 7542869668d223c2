"""What goes wrong with jobs: people leave, stop and send damaged or hostile files. Nothing may stay behind."""

import io
import json
import shutil
import socket
import threading
import time
import zipfile

import pytest
from tests.unit.server.job_server import Brightness, form, job_server, picture, png, video, wait_until, zipped

from leadline.server import job_store, result_zip
from leadline.server.job_store import SHUTTING_DOWN


@pytest.fixture
def predictor():
    return Brightness()


@pytest.fixture
def server(tmp_path, predictor):
    with job_server(tmp_path, predictor, max_jobs=2, max_job_bytes=2_000_000, max_bytes=500_000) as server:
        yield server
        predictor.go.set()
    assert list(server.settings.job_dir.glob("*")) == []


def report_of(server, id):
    with zipfile.ZipFile(io.BytesIO(server.ask("GET", f"/v1/jobs/{id}/result").body)) as archive:
        return archive.namelist(), json.loads(archive.read("report.json"))


def half_a_request(server, body, sort):
    """Send the headers and half of the body, and leave the connection open."""
    connection = socket.create_connection(server.host.split(":"))
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {sort}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body[: len(body) // 2])
    return connection


def test_an_upload_that_breaks_off_leaves_nothing(server):
    connection = half_a_request(server, *form(bytes(500_000)))
    wait_until(lambda: server.files == ["input"])
    connection.close()
    wait_until(lambda: not server.folders)
    # and it holds no place among those that wait
    assert [server.start(zipped({"a.png": png()})).status for _ in range(2)] == [202, 202]


def test_an_upload_that_stalls_is_given_up(tmp_path, predictor):
    with job_server(tmp_path, predictor, max_seconds=0.3) as server:
        connection = half_a_request(server, *form(bytes(500_000)))
        answer = connection.recv(1000)
        connection.close()
        assert b" 504 " in answer
        wait_until(lambda: not server.folders)


def test_listeners_that_leave_disturb_nobody(server, predictor):
    predictor.go.clear()
    id = server.start(zipped({"a.png": png()})).id
    for _ in range(3):
        with socket.create_connection(server.host.split(":")) as connection:
            connection.sendall(f"GET /v1/jobs/{id}/events HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
            assert b"200 OK" in connection.recv(4096)
    predictor.go.set()
    assert server.finished(id)["state"] == "done"


def test_cancelling_a_waiting_job_ends_it_without_a_frame(server, predictor):
    predictor.go.clear()
    running = server.start(zipped({"a.png": png()})).id
    assert predictor.entered.acquire(timeout=20)
    waiting = server.start(zipped({"b.png": png()})).id
    record = server.ask("DELETE", f"/v1/jobs/{waiting}").json()
    assert (record["state"], record["done"]) == ("cancelled", 0)
    predictor.go.set()
    assert server.finished(running)["state"] == "done"
    assert server.finished(waiting)["state"] == "cancelled"
    wait_until(lambda: server.files == ["result.zip"])
    assert predictor.calls == 1


@pytest.mark.parametrize("output", ["preview", "npz"])
def test_cancelling_a_running_video_stops_within_one_frame_and_removes_its_files(server, predictor, tmp_path, output):
    predictor.go.clear()
    id = server.start(video(tmp_path, 30), "film.mp4", output=output).id
    assert predictor.entered.acquire(timeout=20)
    assert server.ask("DELETE", f"/v1/jobs/{id}").json()["state"] == "cancelled"
    calls = predictor.calls
    predictor.go.set()
    assert server.events(id)[-1][0] == "cancelled"
    assert server.ask("GET", f"/v1/jobs/{id}/result").status == 409
    wait_until(lambda: not server.folders)
    time.sleep(0.2)
    assert predictor.calls <= calls + 1
    assert server.folders == []
    # the next one runs
    assert server.finished(server.start(zipped({"a.png": png()})).id)["state"] == "done"


def test_a_listener_hears_of_the_cancelling(server, predictor):
    predictor.go.clear()
    id = server.start(zipped({"a.png": png()})).id
    heard = []
    listener = threading.Thread(target=lambda: heard.extend(server.events(id)))
    listener.start()
    assert predictor.entered.acquire(timeout=20)
    server.ask("DELETE", f"/v1/jobs/{id}")
    listener.join(20)
    assert [name for name, _ in heard][-1] == "cancelled"


def test_a_job_that_has_ended_is_forgotten_when_it_is_deleted(server):
    id = server.start(zipped({"a.png": png()})).id
    server.finished(id)
    assert server.ask("DELETE", f"/v1/jobs/{id}").json()["state"] == "done"
    assert server.folders == []
    assert [server.ask(method, f"/v1/jobs/{id}").status for method in ("GET", "DELETE")] == [404, 404]


def test_a_finished_job_expires(tmp_path, predictor):
    with job_server(tmp_path, predictor, job_ttl_s=0.4) as server:
        id = server.start(zipped({"a.png": png()})).id
        record = server.finished(id)
        assert 0 < record["expires_at"] - time.time() < 1
        wait_until(lambda: not server.folders)  # without anybody asking for it
        assert server.ask("GET", f"/v1/jobs/{id}").status == 404


def test_more_jobs_than_may_wait_are_refused_with_a_time(server, predictor):
    predictor.go.clear()
    server.start(zipped({"a.png": png()}))
    assert predictor.entered.acquire(timeout=20)
    ids = [server.start(zipped({"a.png": png()})).id for _ in range(2)]
    reply = server.start(zipped({"a.png": png()}))
    assert (reply.status, reply.json()["code"]) == (429, "too_many_jobs")
    assert int(reply.headers["retry-after"]) > 0
    server.ask("DELETE", f"/v1/jobs/{ids[0]}")
    assert server.start(zipped({"a.png": png()})).status == 202


def test_a_full_disk_refuses_before_the_upload(server, monkeypatch):
    monkeypatch.setattr(job_store, "_LEAST_FREE_BYTES", 1 << 60)
    reply = server.start(zipped({"a.png": png()}))
    assert (reply.status, reply.json()["code"]) == (503, "disk_full")
    assert "retry-after" in reply.headers


@pytest.mark.parametrize("length", [True, False])
def test_too_large_a_file_is_refused(server, length):
    body, sort = form(bytes(3_000_000))
    chunks = body if length else (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    try:
        reply = server.ask("POST", "/v1/jobs", chunks, {"Content-Type": sort})
    except (BrokenPipeError, ConnectionResetError):  # the server may close while we still send
        pass
    else:
        assert (reply.status, reply.json()["code"]) == (413, "too_large")
    wait_until(lambda: not server.folders)


FORM = "multipart/form-data; boundary=b"
FIELD = b"--b\r\nContent-Disposition: form-data; name="


@pytest.mark.parametrize(
    ("body", "sort", "status"),
    [
        (b"x", "video/mp4", 415),
        (b"x", "multipart/form-data", 415),
        (b"no form", FORM, 400),
        (b"--b\r\n\r\nno name\r\n--b--\r\n", FORM, 400),
        (FIELD + b'"file"; filename="a"\r\n\r\ncut off', FORM, 400),
        (b"", "multipart/form-data; boundary=" + "b" * 5000, 400),
        (b"--b\r\n" + b"A" * 100_000, FORM, 400),
        (FIELD + b'"output"\r\n\r\n' + b"x" * 10_000, FORM, 400),
    ],
)
def test_what_is_no_form_with_a_file_is_refused(server, body, sort, status):
    reply = server.ask("POST", "/v1/jobs", body, {"Content-Type": sort})
    assert reply.status == status
    assert reply.json()["error"]
    assert server.folders == []


def test_two_files_are_refused(server):
    body, sort = form(b"1")
    part = body[: body.rindex(b"--edge")]
    assert server.ask("POST", "/v1/jobs", part + body, {"Content-Type": sort}).json()["code"] == "two_files"


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
LIST_OF_FILES = b"ffconcat version 1.0\nfile /etc/passwd\n"


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", PLAYLIST, LIST_OF_FILES, b"<svg/>"])
def test_neither_video_nor_zip_is_refused(server, data):
    reply = server.start(data, "film.mp4")
    assert (reply.status, reply.json()["code"]) == (415, "type")
    assert server.folders == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_that_is_cut_off_fails_or_gives_what_is_there(server, tmp_path, suffix):
    """An MP4 has its index at the end and can't be read without; a Matroska file can be read as far as it goes."""
    data = video(tmp_path, 40, suffix)
    id = server.start(data[: len(data) * 2 // 3], f"film{suffix}").id
    record = server.finished(id)
    if suffix == ".mp4":
        assert record["state"] == "failed"
        assert "damaged or cut off" in record["message"]
        assert server.folders == []
    else:
        assert record["state"] == "done"
        assert 0 < record["done"] < 40


def test_whoever_hears_of_the_end_finds_the_files_gone(server, tmp_path, monkeypatch):
    removed = shutil.rmtree

    def slowly(*args, **options):
        time.sleep(0.3)
        removed(*args, **options)

    data = video(tmp_path, 20, ".mp4")
    monkeypatch.setattr(job_store.shutil, "rmtree", slowly)
    id = server.start(data[: len(data) // 2], "film.mp4").id
    assert server.events(id)[-1][0] == "failed"
    assert server.folders == []


def test_noise_in_a_video_is_an_answer_and_not_a_crash(server, tmp_path):
    data = bytearray(video(tmp_path, 20, ".mkv"))
    data[len(data) // 3 :: 7] = bytes(len(data[len(data) // 3 :: 7]))
    record = server.finished(server.start(bytes(data), "film.mkv").id)
    assert record["state"] in ("done", "failed")
    assert "/jobs/" not in (record["message"] or "")


def test_frames_that_are_too_large_are_refused_before_they_are_decoded(tmp_path, predictor):
    with job_server(tmp_path, predictor, max_pixels=1000) as server:
        record = server.finished(server.start(video(tmp_path), "film.mp4").id)
        assert record["state"] == "failed"
        assert "48 x 32" in record["message"]
    assert predictor.calls == 0


def test_bad_pictures_are_counted_and_reported_and_the_rest_is_done(server):
    entries = {
        "good.png": png(), "cut.png": png()[:60], "text.jpg": b"no picture", "empty.png": b"", "also good.png": png(50),
        "inner.zip": zipped({"a.png": png()}), "read me.txt": b"hello",
    }  # fmt: skip
    id = server.start(zipped(entries)).id
    record = server.finished(id)
    assert (record["state"], record["total"], record["done"], record["failed"]) == ("done", 5, 2, 3)
    assert record["message"] == "3 of 5 pictures failed, 2 other files were left out: report.json in the zip says why"
    names, report = report_of(server, id)
    assert sorted(names) == ["also good.preview.png", "good.preview.png", "report.json"]
    lines = {line["name"]: line for line in report["pictures"]}
    assert set(lines) == set(entries)
    assert all(lines[name]["error"] for name in ("cut.png", "text.jpg", "empty.png"))
    assert "archive" in lines["inner.zip"]["ignored"]
    assert lines["good.png"]["error"] is None


def test_names_that_lead_out_of_the_zip_are_made_plain_and_unique(server):
    entries = {name: png() for name in ("../../up.png", "/root.png", "C:\\win.png", "up.png", "UP.png", "report.json.png")}
    id = server.start(zipped(entries)).id
    server.finished(id)
    names, report = report_of(server, id)
    assert sorted(names) == [
        "C_/win.preview.png", "UP-3.preview.png", "report.json", "report.json.preview.png", "root.preview.png",
        "up-2.preview.png", "up.preview.png",
    ]  # fmt: skip
    assert {line["name"] for line in report["pictures"]} == set(entries)


def test_a_name_in_the_form_is_never_a_path(server):
    id = server.start(zipped({"a.png": png()}), "../../../../tmp/evil.zip").id
    server.finished(id)
    assert server.files == ["result.zip"]
    assert 'filename="evil.depth.zip"' in server.ask("GET", f"/v1/jobs/{id}/result").headers["content-disposition"]


def test_a_zip_of_ten_thousand_entries_fails_with_a_sentence(server):
    record = server.finished(server.start(zipped({f"{i}.png": b"" for i in range(10_000)})).id)
    assert record["state"] == "failed"
    assert "10,000 entries" in record["message"]


def test_a_zip_bomb_fails_picture_by_picture(server):
    bombs = {f"{i}.png": bytes(20_000_000) for i in range(3)}
    data = zipped({**bombs, "good.png": png()})
    assert len(data) < 100_000
    id = server.start(data).id
    record = server.finished(id)
    assert (record["state"], record["done"], record["failed"]) == ("done", 1, 3)
    assert "unpacks to more than" in report_of(server, id)[1]["pictures"][0]["error"]


def test_a_zip_without_pictures_fails_with_a_sentence(server):
    record = server.finished(server.start(zipped({"a.txt": b"1"})).id)
    assert record["state"] == "failed"
    assert "no pictures" in record["message"]


def test_a_result_that_grows_too_large_fails(server, monkeypatch):
    monkeypatch.setattr(result_zip, "MOST_RESULT_BYTES", 100)
    record = server.finished(server.start(zipped({"a.png": png()}), output="npz").id)
    assert record["state"] == "failed"
    assert "result is larger" in record["message"]
    assert server.folders == []


def test_an_error_nobody_foresaw_fails_one_job_and_not_the_next(server, predictor, monkeypatch, caplog):
    monkeypatch.setattr("leadline.server.job_runner.run_pictures", lambda *_: 1 / 0)
    record = server.finished(server.start(zipped({"a.png": png()})).id)
    assert record["state"] == "failed"
    assert "division by zero" in record["message"]
    monkeypatch.undo()
    assert server.finished(server.start(zipped({"a.png": png()})).id)["state"] == "done"


def test_a_shutdown_cancels_what_runs_and_waits_and_removes_all_files(tmp_path, predictor):
    predictor.go.clear()
    heard = []
    with job_server(tmp_path, predictor) as server:
        running = server.start(video(tmp_path, 30), "film.mp4").id
        assert predictor.entered.acquire(timeout=20)
        waiting = server.start(zipped({"a.png": png()})).id
        listeners = [threading.Thread(target=lambda id=id: heard.append(server.events(id)[-1])) for id in (running, waiting)]
        for listener in listeners:
            listener.start()
        wait_until(lambda: server.queue.busy == 1)
        time.sleep(0.2)
        server.queue.closing = True  # what the signal does
        predictor.go.set()
        for listener in listeners:
            listener.join(20)
    assert [(name, record["message"]) for name, record in heard] == [("cancelled", SHUTTING_DOWN)] * 2
    assert list(server.settings.job_dir.glob("*")) == []
    assert predictor.calls <= 2


def test_no_job_begins_while_the_server_shuts_down(server):
    server.queue.closing = True
    reply = server.start(zipped({"a.png": png()}))
    assert (reply.status, "retry-after" in reply.headers) == (503, True)


def test_two_servers_share_a_folder_without_touching_each_others_files(tmp_path):
    first, second = Brightness(), Brightness()
    with job_server(tmp_path, first) as one:
        id = one.start(zipped({"a.png": png()})).id
        one.finished(id)
        with job_server(tmp_path, second) as two:
            two.finished(two.start(zipped({"a.png": png()})).id)
            assert len(one.folders) == 2
        assert one.ask("GET", f"/v1/jobs/{id}/result").status == 200


def test_strangers_on_the_machine_cannot_read_the_files(server):
    server.finished(server.start(zipped({"a.png": png()})).id)
    assert (server.folders[0].parent.stat().st_mode & 0o777, server.folders[0].stat().st_mode & 0o777) == (0o700, 0o700)


def test_a_picture_of_another_size_than_the_first_is_no_problem(server):
    import cv2

    other = cv2.imencode(".png", picture(90, (20, 70)))[1].tobytes()
    assert server.finished(server.start(zipped({"a.png": png(), "b.png": other})).id)["done"] == 2
