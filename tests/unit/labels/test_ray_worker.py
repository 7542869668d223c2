"""A worker of a Ray cluster is a worker as any other, and says what it does not see. Without a cluster, and without Ray."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial

import pytest
from tests.unit.labels.pictures_and_teachers import GreyTeacher, labels_in, noise_tar

from leadline.errors import LeadlineError
from leadline.labels.job import LabelJob, ShardDone, claim_name
from leadline.labels.manifest import read_manifest
from leadline.labels.options import LabelOptions
from leadline.labels.ray_worker import Order, ShardWorker, check_sees

pytest.importorskip("pyarrow")


def job_of(source, out, **settings):
    return LabelJob([str(source)], GreyTeacher(), out, shard_images=10, **settings)


def worker_of(source, out, make_predictor=GreyTeacher, options=None):
    """A worker for the job that is in `out`; it does not keep to cores, for it runs in the process of the test."""
    cpus = os.cpu_count() or 1
    mark = out / "labels.json"
    order = Order((str(source),), make_predictor, out, options or LabelOptions(), 10, None, "", cpus, (), mark, 120.0, 10.0)
    return ShardWorker(order)


@pytest.fixture
def source(tmp_path):
    return noise_tar(tmp_path / "in.tar", 45)


def test_a_worker_labels_the_shards_that_it_is_given_as_the_local_engine_does(tmp_path, source):
    list(job_of(source, tmp_path / "whole").run())
    job_of(source, tmp_path / "out").close()  # the plan
    worker = worker_of(source, tmp_path / "out")
    worker.ready()
    done, threads = {}, []
    for shard in (3, 0, 4, 2, 1):  # several at once, as the driver gives them
        threads.append(threading.Thread(target=lambda shard=shard: done.update({shard: worker.label(shard, None)})))
        threads[-1].start()
    for thread in threads:
        thread.join()
    worker.leave()
    assert done == {shard: ShardDone(shard, "this", {"labelled": 10 if shard < 4 else 5}) for shard in range(5)}
    assert labels_in(tmp_path / "out") == labels_in(tmp_path / "whole")
    assert read_manifest(tmp_path / "out").equals(read_manifest(tmp_path / "whole"))
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))


def test_a_shard_that_another_holds_is_given_back_and_one_that_is_done_is_said_so(tmp_path, source):
    other = job_of(source, tmp_path / "out")
    worker = worker_of(source, tmp_path / "out")
    worker.ready()
    assert other.claims.take(claim_name(1))
    assert worker.label(1, None) is None
    other.claims.release(claim_name(1))
    assert worker.label(1, None) == ShardDone(1, "this", {"labelled": 10})
    assert worker.label(1, None) == ShardDone(1, "another", {"labelled": 10})
    made_at = (tmp_path / "out" / "manifest" / "part-000001.parquet").stat().st_mtime_ns
    assert worker.label(1, made_at) == ShardDone(1, "this", {"labelled": 10}), "to be done again"
    worker.leave()
    other.close()


def test_a_worker_that_leaves_at_work_holds_no_claims_and_no_halves(tmp_path, source):
    job_of(source, tmp_path / "out", options=LabelOptions(duplicate_bits=4)).close()
    teacher = partial(GreyTeacher, seconds=0.05)
    worker = worker_of(source, tmp_path / "out", teacher, LabelOptions(duplicate_bits=4))
    worker.ready()
    refused = []

    def label(worker):
        try:
            worker.label(0, None)
        except LeadlineError as error:
            refused.append(str(error))

    thread = threading.Thread(target=label, args=(worker,))
    thread.start()
    while not any(path.stat().st_size > 0 for path in (tmp_path / "out" / "shards").glob(".*")):
        time.sleep(0.01)
    worker.leave()
    thread.join()
    del worker, thread
    gc.collect()  # what is left of a shard must not complain when it is collected: warnings are errors here
    assert refused == ["the worker was stopped"]
    assert not list((tmp_path / "out" / "claims").glob("*.claim"))
    assert not list((tmp_path / "out" / "shards").glob(".*"))
    assert not list((tmp_path / "out").glob("manifest/*"))


def test_the_claim_of_a_worker_that_is_known_to_be_gone_is_free_at_once(tmp_path, source):
    driver, gone, third = (job_of(source, tmp_path / "out") for _ in range(3))
    assert gone.claims.take(claim_name(0))
    driver.claims.drop(claim_name(0), "the token of somebody else")
    assert not third.claims.take(claim_name(0))
    driver.claims.drop(claim_name(0), gone.claims.token)
    assert third.claims.take(claim_name(0))
    for job in (driver, gone, third):
        job.close()


def test_a_worker_that_does_not_see_the_folder_or_the_pictures_says_so_in_one_line(tmp_path):
    with pytest.raises(LeadlineError, match=r"the worker on node-7 does not see the folder of the labels, .*out: put it on"):
        check_sees(tmp_path / "out" / "claims" / "ray-1.claim", (), "node-7", seconds=0.3)
    (tmp_path / "mark").touch()
    with pytest.raises(LeadlineError, match=r"the worker on node-7 does not see .*photos: put it on"):
        check_sees(tmp_path / "mark", (str(tmp_path), str(tmp_path / "photos")), "node-7")


def test_a_worker_with_another_teacher_is_refused_by_name(tmp_path, source):
    job_of(source, tmp_path / "out").close()
    worker = worker_of(source, tmp_path / "out", partial(GreyTeacher, "other.v2"))
    with pytest.raises(LeadlineError, match=r"worker on .*: .*model name = 'grey.v1', not 'other.v2'"):
        worker.ready()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2, reason="needs two cores on Linux")
def test_workers_on_one_machine_keep_to_different_cores(tmp_path):
    program = textwrap.dedent("""
        import os, sys
        from leadline.labels.ray_worker import keep_to_cores
        held = keep_to_cores(1)
        print(*os.sched_getaffinity(0), flush=True)
        sys.stdin.read()
    """)
    command, environ = [sys.executable, "-c", program], {**os.environ, "TMPDIR": str(tmp_path)}
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) for _ in range(2)
    ]
    kept = [worker.stdout.readline().split() for worker in workers]
    for worker in workers:
        worker.communicate()
    assert [len(cores) for cores in kept] == [1, 1]
    assert kept[0] != kept[1]
