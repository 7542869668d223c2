from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from leadline.server.queue import LOW, InferenceQueue, QueueClosed, QueueFull


class Gate:
    """Work that holds a worker until it is let go."""

    def __init__(self):
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.open.wait(10)


@pytest.fixture
def held():
    """A queue of one worker, busy until the gate opens."""
    queue, gate = InferenceQueue(limit=2, workers=1), Gate()
    first = queue.submit(gate)
    assert gate.begun.wait(10)
    yield queue, gate
    gate.open.set()
    first.result(10)
    queue.close(10)


def test_results_and_errors_come_back_to_who_asked():
    async def ask():
        queue = InferenceQueue(limit=50, workers=3)
        found = await asyncio.gather(*(queue.run(lambda n=n: n * n) for n in range(40)))
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
        queue.close(10)
        return found

    assert asyncio.run(ask()) == [n * n for n in range(40)]


def test_work_beyond_the_limit_is_refused_with_a_time(held):
    queue, _ = held
    for _ in range(2):
        queue.submit(int)
    with pytest.raises(QueueFull) as refused:
        queue.submit(int)
    assert refused.value.retry_after >= 1
    assert queue.waiting == 2


def test_cancelled_work_makes_room_and_is_never_done(held):
    queue, gate = held
    done = []
    first = queue.submit(lambda: done.append("first"))
    second = queue.submit(lambda: done.append("second"))
    assert first.cancel()
    third = queue.submit(lambda: done.append("third"))
    gate.open.set()
    second.result(10), third.result(10)
    assert done == ["second", "third"]
    assert queue.dropped == 1


def test_a_jobs_frame_lets_requests_pass_and_never_finds_the_queue_full(held):
    queue, gate = held
    order = []
    works = [queue.submit(lambda: order.append("frame"), later=LOW)]
    works += [queue.submit(lambda n=n: order.append(n)) for n in range(2)]
    works.append(queue.submit(lambda: order.append("frame"), later=LOW))
    gate.open.set()
    for work in works:
        work.result(10)
    assert order == [0, 1, "frame", "frame"]


def test_a_frame_that_has_waited_long_enough_goes_first(held):
    queue, gate = held
    order = []
    frame = queue.submit(lambda: order.append("frame"), later=0.05)
    time.sleep(0.1)
    request = queue.submit(lambda: order.append("request"))
    gate.open.set()
    frame.result(10), request.result(10)
    assert order == ["frame", "request"]


def test_closing_finishes_what_waits_and_refuses_the_rest():
    queue, gate = InferenceQueue(limit=9, workers=1), Gate()
    works = [queue.submit(gate), *(queue.submit(lambda n=n: n) for n in range(5))]
    closer = threading.Thread(target=queue.close)
    closer.start()
    while not queue.closing:
        time.sleep(0.001)
    with pytest.raises(QueueClosed):
        queue.submit(int)
    gate.open.set()
    closer.join(10)
    assert [work.result(0) for work in works[1:]] == list(range(5))


def test_no_more_calls_are_inside_the_network_than_it_has_streams():
    queue = InferenceQueue(streams=2, limit=50, workers=6)
    inside, most, lock = [0], [0], threading.Lock()

    def work():
        with queue.network():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            with lock:
                inside[0] -= 1

    for future in [queue.submit(work) for _ in range(20)]:
        future.result(10)
    queue.close(10)
    assert most[0] == 2


def test_a_worker_keeps_nothing_of_the_work_that_it_has_done():
    class Picture:
        pass

    queue, picture = InferenceQueue(workers=1), Picture()
    gone = weakref.ref(picture)
    queue.submit(lambda held=picture: held).result(10)
    del picture
    deadline = time.monotonic() + 5
    while gone() is not None and time.monotonic() < deadline:
        gc.collect()
    assert gone() is None
    queue.close(10)
