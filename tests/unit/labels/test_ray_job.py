"""What a Ray job refuses, and how it deals with workers that come and go; tests/end_to_end/test_label_ray.py has real nodes."""

import contextlib
import socket
import sys
import threading

import pytest
from tests.unit.labels.fake_ray import ActorUnavailableError, FakeRay, RayError
from tests.unit.labels.pictures_and_teachers import GreyTeacher, labels_in, noise_tar

from leadline.errors import LeadlineError
from leadline.labels.job import LabelJob
from leadline.labels.manifest import read_manifest
from leadline.labels.ray_cluster import connected, import_ray
from leadline.labels.ray_job import RayLabelJob

pytest.importorskip("pyarrow")


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LeadlineError, match=r"the engine 'ray' needs Ray: pip install 'leadline\[cluster,labels\]'"):
        import_ray()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"workers": (0, None)}, "0 workers: expected at least 1"),
        ({"workers": (1, 0)}, "0 workers: expected at least 1"),
        ({"workers": (4, 2)}, "workers 4,2: expected the fewest, then the most"),
        ({"cpus_per_worker": 0}, "0 CPUs for a worker"),
        ({"gpus_per_worker": -1}, "-1 GPUs for a worker"),
    ],
)
def test_numbers_of_workers_that_make_no_sense_are_refused(tmp_path, settings, line):
    with pytest.raises(LeadlineError, match=line):
        RayLabelJob(["in"], GreyTeacher, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_an_address_where_nothing_answers_is_one_line_within_seconds():
    pytest.importorskip("ray", reason="the engine 'ray' needs Ray: pip install 'leadline[cluster]'")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for address, line in (
        (f"127.0.0.1:{port}", f"no Ray cluster answers at 127.0.0.1:{port} .*expected HOST:PORT of `ray start --head`"),
        ("ray://head:10001", "is an address for Ray clients"),
        ("head", "Ray address 'head': expected HOST:PORT"),
    ):
        with pytest.raises(LeadlineError, match=line), connected(address):
            pass


def test_what_answers_and_is_no_ray_cluster_is_waited_for_within_bounds():
    pytest.importorskip("ray", reason="the engine 'ray' needs Ray: pip install 'leadline[cluster]'")
    import subprocess
    import textwrap

    # In a process of its own: Ray goes on trying in a thread.
    program = textwrap.dedent("""
        import socket
        from leadline.errors import LeadlineError
        from leadline.labels.ray_cluster import connected
        server = socket.create_server(("127.0.0.1", 0))
        try:
            with connected(f"127.0.0.1:{server.getsockname()[1]}", connect_s=1.0):
                pass
        except LeadlineError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "was no Ray cluster within 1 s: expected HOST:PORT" in done.stdout


@pytest.fixture
def cluster(monkeypatch):
    """Puts a `FakeRay` in Ray's place."""
    rays = []

    def put(ray):
        monkeypatch.setattr("leadline.labels.ray_job.connected", lambda *_: contextlib.nullcontext(ray))
        rays.append(ray)
        return ray

    yield put
    for ray in rays:
        ray.bury()


def run(source, out, **settings):
    job = RayLabelJob([str(source)], GreyTeacher, out, shard_images=10, **settings)
    return job, list(job.run())


@pytest.fixture
def source(tmp_path):
    return noise_tar(tmp_path / "in.tar", 80)


def check_whole(tmp_path, source, done):
    assert sorted(shard.shard for shard in done) == list(range(8))
    list(LabelJob([str(source)], GreyTeacher(), tmp_path / "whole", shard_images=10).run())
    assert labels_in(tmp_path / "out") == labels_in(tmp_path / "whole")
    assert read_manifest(tmp_path / "out").equals(read_manifest(tmp_path / "whole"))
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))


def test_all_shards_are_done_once_and_a_second_run_asks_for_no_worker(tmp_path, source, cluster):
    ray = cluster(FakeRay())
    _, done = run(source, tmp_path / "out", workers=(1, 2))
    assert {shard.by for shard in done} == {"this"}
    check_whole(tmp_path, source, done)
    assert len(ray.actors) == 2
    _, again = run(source, tmp_path / "out")
    assert [shard.by for shard in again] == ["before"] * 8
    assert len(ray.actors) == 2


def test_shards_of_a_lost_worker_go_to_others_and_a_new_worker_comes(tmp_path, source, cluster):
    calls = []

    def before(number, method, arguments):
        calls.append((number, method))
        if number == 0 and calls.count((0, "label")) > 2:
            raise ActorUnavailableError("socket closed")

    ray = cluster(FakeRay(before=before))
    job, done = run(source, tmp_path / "out", workers=(2, 2))
    check_whole(tmp_path, source, done)
    (note,) = job.notes
    assert note.endswith("is lost; its shards go to others (its node does not answer)")
    assert len(ray.actors) == 3


def test_a_shard_that_kills_its_workers_is_named_once_the_rest_is_done(tmp_path, source, cluster):
    def before(number, method, arguments):
        if method == "label" and arguments[0] == 5:
            raise RayError("out of memory")

    cluster(FakeRay(before=before))
    with pytest.raises(
        LeadlineError, match=r"1 shards killed their workers 4 times, shard 5 .*out of memory.*the rest is done"
    ):
        run(source, tmp_path / "out", workers=(1, 1))
    assert read_manifest(tmp_path / "out").num_rows == 70


def test_workers_that_die_while_they_start_end_the_job(tmp_path, source, cluster):
    def before(number, method, arguments):
        raise RayError("no module named leadline")

    ray = cluster(FakeRay(before=before))
    with pytest.raises(LeadlineError, match="4 workers died one after another while they started: no module named leadline"):
        run(source, tmp_path / "out", workers=(1, 1))
    assert len(ray.actors) == 4


def test_a_node_that_does_not_see_the_folder_ends_a_job_that_begins_and_is_passed_over_later(tmp_path, source, cluster):
    def blind(number, method, arguments):
        if number == 1 and method == "ready":
            raise LeadlineError("the worker on node-2 does not see the folder")

    cluster(FakeRay(before=blind))
    with pytest.raises(LeadlineError, match="the worker on node-2 does not see the folder"):
        run(source, tmp_path / "out", workers=(1, 2))

    one_done, failed = threading.Event(), threading.Event()

    def blind_later(number, method, arguments):
        if number == 1 and method == "ready":
            one_done.wait(20)
            failed.set()
            raise LeadlineError("the worker on node-2 does not see the folder")
        if method == "label" and one_done.is_set():
            failed.wait(20)

    cluster(FakeRay(before=blind_later))
    job = RayLabelJob([str(source)], GreyTeacher, tmp_path / "later", shard_images=10, workers=(1, 2))
    done = []
    for shard in job.run():
        done.append(shard.shard)
        one_done.set()
    assert sorted(done) == list(range(8))
    assert job.notes == ["the worker on node-2 does not see the folder; the others go on"]


def test_workers_that_do_not_come_are_waited_for_within_bounds(tmp_path, source, cluster):
    cluster(FakeRay(room=0))
    with pytest.raises(LeadlineError, match=r"0 of at least 1 workers after 1 s \(1 nodes with .* CPUs: 1 to 3 workers"):
        run(source, tmp_path / "out", workers=(1, 3), wait_s=1.0)
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))


def test_a_worker_of_the_local_engine_shares_the_work(tmp_path, source, cluster):
    cluster(FakeRay())
    other = LabelJob([str(source)], GreyTeacher(), tmp_path / "out", shard_images=10)
    assert other.claims.take("000003")  # it is at shard 3
    job = RayLabelJob([str(source)], GreyTeacher, tmp_path / "out", shard_images=10, workers=(1, 2))
    done = []
    for shard in job.run():
        done.append(shard)
        if len(done) == 7:
            other.claims.release("000003")
            (finished,) = other.label([3])
            assert finished.by == "this"
    other.close()
    assert {shard.shard: shard.by for shard in done}[3] == "another"
    check_whole(tmp_path, source, done)


def test_a_job_left_early_holds_no_claims_and_no_halves(tmp_path, source, cluster):
    cluster(FakeRay())
    running = RayLabelJob([str(source)], GreyTeacher, tmp_path / "out", shard_images=10).run()
    next(running)
    running.close()
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))
    assert not list((tmp_path / "out" / "shards").glob(".*"))
    _, done = run(source, tmp_path / "out")
    check_whole(tmp_path, source, done)
