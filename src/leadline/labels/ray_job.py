"""The label job on a Ray cluster: the same plan, stages, claims and commits, with workers that Ray starts and loses.

A shard is the unit of work. The driver hands shards out, two at a time to each worker so that no network waits between them,
and learns what became of each. That every label is made once is up to the folder, not to Ray: a worker claims a shard and
commits it there as one of the local engine does, and both may work at one folder at the same time.

Workers are plain Ray actors, one for each network, and not a pool of Ray Data. Ray Data (2.60) does bring a job through the
loss of a node, but not all that this one promises: it holds the lost shard for the lost worker until that can be started
again, tells nobody who is gone, so that a claim is only taken over when it is stale, can't put a shard back that somebody else
holds, and lets the network stand idle at the end of each shard. What it is for, carrying data between stages, is not needed:
pictures and labels go between storage and worker alone.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from leadline.errors import LeadlineError
from leadline.labels.claims import BEAT_S, STALE_S
from leadline.labels.job import POLL_S, LabelJob, ShardDone, claim_name
from leadline.labels.job_record import absolute_inputs
from leadline.labels.options import LabelOptions
from leadline.labels.ray_cluster import CONNECT_S, connected, node_cpus
from leadline.labels.ray_worker import Order, ShardWorker
from leadline.labels.sources import is_url
from leadline.labels.stages import SkyMask
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.runtime.engine import one_line

WAIT_S = 600.0
_AHEAD = 2  # shards that a worker has: one at work, and the next
_MOST_LOSSES = 4  # of workers at one shard, or at their start
_LEAVE_S = 10.0
_OLD_S = 86_400.0


@dataclass(eq=False)
class _Worker:
    actor: Any
    ready: Any  # the answer to come, or None once it has come
    host: str = "a node"
    token: str = ""
    doing: dict[Any, int] = field(default_factory=dict)  # answers to come, and the shards that they speak of


class RayLabelJob:
    """A label job whose workers run in a Ray cluster; making it connects, and makes or opens the plan.

    Attributes:
        plan: of the whole job.
        cluster: nodes, CPUs and workers in words.
        notes: what happened to workers, in sentences; grows while the job runs.
        ready_after_s: from the start of `run` to the first worker that was ready; None before.

    Args:
        inputs: see `leadline.labels.sources.iter_entries`; under the same paths on all nodes.
        make_predictor: returns the teacher; called here for its card, and in each worker. Ray sends it as pickle does: a
            function of an installed module, or `functools.partial` of one.
        out: folder of the job, on a disk that all nodes mount under the same path.
        options, shard_images, sky_name, retry_failed, verify, stale_s, beat_s: see `leadline.labels.job.LabelJob`.
        make_sky: returns what finds the sky; called in each worker.
        workers: fewest and most. Ray is asked for one for each unfinished shard up to the most, None for as many as fit on the
            nodes that are there; a cluster that scales itself starts nodes for them and may stop nodes without one. If fewer
            than the fewest have come after `wait_s`, the job ends.
        cpus_per_worker: cores that a worker and its network keep to; None takes those of the smallest node.
        gpus_per_worker: of Ray's count of GPUs, may be a fraction.
        address: see `leadline.labels.ray_cluster.connected`.
        wait_s: how long to wait for the fewest workers, or for any once all are lost.
        connect_s: how long to wait for the cluster.

    Raises:
        LeadlineError: Ray is not installed or does not answer, the numbers of workers make no sense, or see `LabelJob`.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        make_predictor: Callable[[], Predictor],
        out: Path,
        options: LabelOptions | None = None,
        *,
        shard_images: int = 1000,
        make_sky: Callable[[], SkyMask] | None = None,
        sky_name: str = "",
        retry_failed: bool = False,
        verify: bool = False,
        workers: tuple[int, int | None] = (1, None),
        cpus_per_worker: int | None = None,
        gpus_per_worker: float = 0.0,
        address: str | None = None,
        wait_s: float = WAIT_S,
        connect_s: float = CONNECT_S,
        stale_s: float = STALE_S,
        beat_s: float = BEAT_S,
    ) -> None:
        _check_numbers(workers, cpus_per_worker, gpus_per_worker)
        self.notes: list[str] = []
        self.ready_after_s: float | None = None
        self._started = time.monotonic()
        self._wait_s, self._workers, self._left = wait_s, list[_Worker](), deque[int]()
        self._later: list[tuple[float, int]] = []  # shards that somebody else holds, and when to ask again
        self._losses: Counter[int] = Counter()
        self._stillborn = self._done = 0
        self._resources = ExitStack()
        try:
            self._ray = self._resources.enter_context(connected(address, connect_s))
            nodes = node_cpus(self._ray)
            self._cpus = cpus_per_worker or min(nodes, default=1)
            self._gpus, self._fewest = gpus_per_worker, workers[0]
            self._most = workers[1] or max(workers[0], self._room(nodes))
            self.cluster = (
                f"{len(nodes)} nodes with {sum(nodes)} CPUs: {self._fewest} to {self._most} workers of {self._cpus} CPUs"
                + (f" and {self._gpus:g} GPUs" if self._gpus else "")
            )
            self._out, options = out.absolute(), options or LabelOptions()
            given = absolute_inputs(inputs)
            self._job = LabelJob(
                given, _Named(make_predictor().card), self._out, options, shard_images=shard_images,
                sky=_no_sky if make_sky else None, sky_name=sky_name, retry_failed=retry_failed, verify=verify,
                stale_s=stale_s, beat_s=beat_s,
            )  # fmt: skip
            self._resources.callback(self._job.close)
            self.plan = self._job.plan
            self._order = Order(
                tuple(given), make_predictor, self._out, options, shard_images, make_sky, sky_name, self._cpus,
                self._must_see(given), self._mark(), stale_s, beat_s,
            )  # fmt: skip
        except BaseException:
            self._resources.close()
            raise

    def run(self) -> Iterator[ShardDone]:
        """Label all pictures; yield each shard of the job once, when it is finished by whomever.

        Returns when the whole job is done. Workers that die, or whose node does, are replaced where there is room, and their
        shards go to others. To leave early, close the generator; what was begun is discarded.

        Raises:
            LeadlineError: a worker can't write or does not see the folder, workers don't come, or a shard kills its workers;
                finished shards are kept.
        """
        self._started = time.monotonic()
        try:
            self._left.extend((yield from self._job.survey()))
            yield from self._run()
        finally:
            self.close()

    def close(self) -> None:
        """Dismiss all workers, and give the connection back."""
        self._dismiss(self._workers)
        self._resources.close()

    def _run(self) -> Iterator[ShardDone]:
        given_up: dict[int, str] = {}
        fewest, waiting_since = min(self._fewest, len(self._left)), time.monotonic()
        while unfinished := len(self._left) + len(self._later) + sum(len(worker.doing) for worker in self._workers):
            self._hire(unfinished)
            answers = {worker.ready: worker for worker in self._workers if worker.ready is not None}
            answers |= {answer: worker for worker in self._workers for answer in worker.doing}
            if not answers:
                time.sleep(POLL_S)
            for answer in self._ray.wait(list(answers), timeout=POLL_S)[0] if answers else ():
                done = self._settle(answers[answer], answer, given_up)
                if done is not None:
                    self._done += 1
                    yield done
            now = time.monotonic()
            self._left.extend(shard for due, shard in self._later if due <= now)
            self._later = [(due, shard) for due, shard in self._later if due > now]
            self._hand_out()
            ready = sum(worker.ready is None for worker in self._workers)
            if ready >= fewest:
                fewest, waiting_since = 1, now
            elif now - waiting_since > self._wait_s:
                raise LeadlineError(
                    f"{ready} of at least {fewest} workers after {self._wait_s:.0f} s ({self.cluster}): add nodes, or ask for "
                    "fewer workers or for smaller ones"
                )
        if given_up:
            shard, reason = next(iter(given_up.items()))
            raise LeadlineError(
                f"{len(given_up)} shards killed their workers {_MOST_LOSSES} times, shard {shard} for instance ({reason}); the "
                "rest is done: look for a picture that needs too much memory, then run again"
            )

    def _settle(self, worker: _Worker, answer: Any, given_up: dict[int, str]) -> ShardDone | None:
        """Take an answer; return the shard that it says is done."""
        errors = self._ray.exceptions
        gone = (errors.ActorUnavailableError, errors.NodeDiedError)
        if worker not in self._workers:  # lost with an answer before this one
            return None
        try:
            value = self._ray.get(answer)
        except errors.RayTaskError as error:
            self._failed(worker, answer, error)
            return None
        except errors.RayError as error:  # the process, its node or the way to it
            self._lost(worker, "its node does not answer" if isinstance(error, gone) else one_line(error), given_up)
            return None
        if answer is worker.ready:
            worker.host, worker.token = value
            worker.ready, self._stillborn = None, 0
            if self.ready_after_s is None:
                self.ready_after_s = time.monotonic() - self._started
            return None
        shard = worker.doing.pop(answer)
        if value is None:
            self._later.append((time.monotonic() + POLL_S, shard))
        assert value is None or isinstance(value, ShardDone)
        return value

    def _failed(self, worker: _Worker, answer: Any, error: Any) -> None:
        """Deal with an exception in a worker: it ends the job, but for a worker that can't start once others have worked."""
        cause = error.cause
        if isinstance(cause, ImportError):
            cause = LeadlineError(f"a worker can't import {cause.name!r}: install the same leadline on all nodes")
        if not isinstance(cause, LeadlineError):
            raise error
        if answer is not worker.ready or not self._done or self._most <= 1:
            raise cause from None
        self._most -= 1
        self.notes.append(f"{cause}; the others go on")
        self._dismiss([worker])

    def _lost(self, worker: _Worker, reason: str, given_up: dict[int, str]) -> None:
        """Put the shards of a worker that is gone back, free for others at once."""
        self._dismiss([worker], gone=True)
        if worker.ready is not None:
            self._stillborn += 1
            if self._stillborn >= _MOST_LOSSES:
                raise LeadlineError(f"{self._stillborn} workers died one after another while they started: {reason}")
            return
        self.notes.append(f"the worker on {worker.host} is lost; its shards go to others ({reason})")
        for shard in worker.doing.values():
            self._losses[shard] += 1
            if self._losses[shard] >= _MOST_LOSSES:
                given_up[shard] = reason
            else:
                self._left.appendleft(shard)

    def _hire(self, unfinished: int) -> None:
        """Ask for workers up to the shards that there are; let idle ones go when no shard waits."""
        if not self._left and not self._later:
            idle = [worker for worker in self._workers if not worker.doing]
            self._dismiss(idle[: max(0, len(self._workers) - self._fewest)])
            return
        make = self._ray.remote(ShardWorker).options(
            num_cpus=self._cpus, num_gpus=self._gpus, max_concurrency=_AHEAD + 2, max_restarts=0, scheduling_strategy="SPREAD"
        )
        while len(self._workers) < min(self._most, unfinished):
            actor = make.remote(self._order)
            self._workers.append(_Worker(actor, actor.ready.remote()))

    def _hand_out(self) -> None:
        """Give shards to workers, those first that have none; one that lost a worker alone, to learn whose fault it was."""
        for most in range(1, _AHEAD + 1):
            for worker in self._workers:
                if self._left and worker.ready is None and len(worker.doing) < most:
                    if worker.doing and any(self._losses[shard] for shard in (self._left[0], *worker.doing.values())):
                        continue
                    shard = self._left.popleft()
                    worker.doing[worker.actor.label.remote(shard, self._job.redo.get(shard))] = shard

    def _dismiss(self, workers: Sequence[_Worker], gone: bool = False) -> None:
        workers = list(workers)
        self._workers = [worker for worker in self._workers if worker not in workers]
        with suppress(Exception):  # Ray itself may be gone
            leaving = [worker.actor.leave.remote() for worker in workers if worker.ready is None and not gone]
            if leaving:
                self._ray.wait(leaving, num_returns=len(leaving), timeout=_LEAVE_S)
            for worker in workers:
                self._ray.kill(worker.actor)
        for worker in workers:
            for shard in worker.doing.values():
                self._job.claims.drop(claim_name(shard), worker.token)

    def _room(self, nodes: Sequence[int]) -> int:
        room = sum(cpus // self._cpus for cpus in nodes)
        if self._gpus:
            room = min(room, int(self._ray.cluster_resources().get("GPU", 0) / self._gpus))
        return max(1, room)

    def _mark(self) -> Path:
        """Make a file by which workers tell the job's folder from another one of this name."""
        folder, name = self._out / "claims", f"ray-{self._job.claims.token}"
        for old in folder.glob("ray-*.claim"):  # of a driver that was killed
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > _OLD_S:
                    old.unlink()
        self._job.claims.take(name)
        return folder / f"{name}.claim"

    def _must_see(self, given: Sequence[str]) -> tuple[str, ...]:
        paths = [text for text in given if not is_url(text)]
        first = self.plan.read_shard(0)[0].source
        return tuple(path for path in (*paths, first) if not is_url(path) and Path(path).exists())


class _Named:
    """Stands for the teacher where nothing is predicted."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def __call__(self, image: Any, camera: Any = None) -> Prediction:
        raise AssertionError("the driver predicts nothing")


def _no_sky(pixels: Any) -> NoReturn:
    raise AssertionError("the driver predicts nothing")


def _check_numbers(workers: tuple[int, int | None], cpus: int | None, gpus: float) -> None:
    fewest, most = workers
    if fewest < 1 or (most is not None and most < 1):
        raise LeadlineError(f"{fewest if fewest < 1 else most} workers: expected at least 1")
    if most is not None and most < fewest:
        raise LeadlineError(f"workers {fewest},{most}: expected the fewest, then the most")
    if cpus is not None and cpus < 1:
        raise LeadlineError(f"{cpus} CPUs for a worker: expected at least 1")
    if gpus < 0:
        raise LeadlineError(f"{gpus:g} GPUs for a worker: expected 0 or more")
