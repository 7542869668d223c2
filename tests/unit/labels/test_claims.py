"""One worker holds a claim; a dead one's is taken over by one of those who wait."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from leadline.labels.claims import Claims, create_whole


@pytest.fixture
def workers(tmp_path):
    made = [Claims(tmp_path, stale_s=0.3, beat_s=0.05) for _ in range(2)]
    yield made
    for claims in made:
        claims.close()


def test_a_claim_is_one_workers_until_given_back(workers):
    first, second = workers
    assert first.take("a")
    assert not first.take("a")
    assert not second.take("a")
    assert second.take("b")
    first.release("a")
    assert second.take("a")
    first.release("a")  # not its own any more
    assert not first.take("a")


def test_a_claim_of_a_killed_process_is_free_at_once(tmp_path, workers):
    program = "import sys, os, signal; from pathlib import Path; from leadline.labels.claims import Claims\n"
    program += "assert Claims(Path(sys.argv[1])).take('a'); os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    assert (tmp_path / "a.claim").exists()
    assert workers[0].take("a")


def test_a_claim_from_another_machine_is_free_when_nobody_has_touched_it_for_long(tmp_path, workers):
    (tmp_path / "a.claim").write_text(json.dumps({"host": "elsewhere", "pid": 1, "born": "1", "token": "x"}))
    os.utime(tmp_path / "a.claim", (time.time() + 9999, time.time() + 9999))  # its clock is wrong, which must not matter
    assert not workers[0].take("a")
    assert not workers[0].take("a")
    time.sleep(0.4)
    assert workers[0].take("a")


def test_a_claim_that_is_touched_stays_its_owners(tmp_path, workers):
    assert workers[1].take("a")
    owner = json.loads((tmp_path / "a.claim").read_text())
    (tmp_path / "a.claim").write_text(json.dumps({**owner, "host": "elsewhere"}))
    for _ in range(6):
        assert not workers[0].take("a")
        time.sleep(0.1)


def test_of_many_that_see_a_dead_claim_one_gets_it(tmp_path):
    dead = Claims(tmp_path)
    dead.close()
    (tmp_path / "a.claim").write_text(json.dumps({**dead._me, "pid": 2**22 + 5}))  # no such process
    many = [Claims(tmp_path) for _ in range(8)]
    barrier, won = threading.Barrier(8), []

    def race(claims):
        barrier.wait()
        if claims.take("a"):
            won.append(claims)

    threads = [threading.Thread(target=race, args=(claims,)) for claims in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    for claims in many:
        claims.close()
    assert [path.name for path in tmp_path.iterdir()] == [".takeover"]


def test_a_file_is_made_whole_once_with_and_without_hard_links(tmp_path, monkeypatch):
    assert create_whole(tmp_path / "a", b"1")
    assert not create_whole(tmp_path / "a", b"2")

    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert create_whole(tmp_path / "b", b"1")
    assert not create_whole(tmp_path / "b", b"2")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"1"}
