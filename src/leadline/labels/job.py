"""Labels by a teacher for any number of pictures: planned first, made shard by shard, each exactly once.

A job lives in a folder: ``labels.json`` (who, what, how), ``plan-HASH/`` (every picture, cut into shards), ``shards/`` (tar
files of labels), ``manifest/`` (what became of every picture, in Parquet) and ``claims/`` (who is at which shard). Any number
of workers on any machines that see the folder share the work; each may be killed at any instant, whoever runs next goes on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal, TypeVar

from leadline.errors import LeadlineError
from leadline.io.header import software
from leadline.io.image import IMAGE_SUFFIXES, Photo
from leadline.labels.claims import BEAT_S, STALE_S, Claims
from leadline.labels.job_record import open_record, teacher_of
from leadline.labels.manifest import Part, part_path
from leadline.labels.options import LabelOptions
from leadline.labels.perceptual_hash import Gate
from leadline.labels.plan import Plan
from leadline.labels.shard_files import ShardWriter, record_json, shard_sizes, whole_part
from leadline.labels.source_bytes import iter_items
from leadline.labels.stages import LABEL_SUFFIXES, LeftOut, SkyMask, Work, finish_stage, predict_stage, read_stage
from leadline.predictor import Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor, ItemResult, run_pipeline

Value = TypeVar("Value")

POLL_S = 0.5  # between two looks at shards that others hold
_FAILED_IN = {"read": "read", "predict": "predict", "write": "label"}
_MAGIC = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"II", ".tif"), (b"MM", ".tif"))


@dataclass(frozen=True)
class ShardDone:
    """A shard that is finished.

    Attributes:
        shard: its number.
        by: who did it: a run "before" this one, "this" worker, or "another".
        counts: its pictures by state, "labelled", "failed", or "left out: FILTER".
    """

    shard: int
    by: Literal["before", "this", "another"]
    counts: dict[str, int]


class LabelJob:
    """A worker of a label job; making it makes the plan, or opens the one that is there.

    Attributes:
        plan: of the whole job.
        redo: shards that are there and will not do, and when their part was made; `survey` fills it.
        claims: of this worker.

    Args:
        inputs: see `leadline.labels.sources.iter_entries`.
        predictor: the teacher.
        out: folder of the job, on a disk that all workers see.
        options: see there.
        shard_images: pictures in a shard: what a killed worker loses at most.
        sky: from a picture to where its sky is; None leaves the network's numbers there.
        sky_name: what `sky` is; goes into the record.
        retry_failed: do shards again in which pictures failed.
        verify: compare the checksums of finished shards, not only their sizes.
        threads: see `run_pipeline`.
        stale_s, beat_s: see `Claims`.

    Raises:
        LeadlineError: see `leadline.labels.job_record.open_record`; or a sky without a name.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        predictor: Predictor,
        out: Path,
        options: LabelOptions | None = None,
        *,
        shard_images: int = 1000,
        sky: SkyMask | None = None,
        sky_name: str = "",
        retry_failed: bool = False,
        verify: bool = False,
        threads: int | None = None,
        stale_s: float = STALE_S,
        beat_s: float = BEAT_S,
    ) -> None:
        if (sky is None) != (not sky_name):
            raise LeadlineError(f"sky_name {sky_name!r} {'without' if sky is None else 'with'} a sky: give both or neither")
        self._predictor, self._out, self._options, self._sky = predictor, out, options or LabelOptions(), sky
        self._retry_failed, self._verify, self._threads = retry_failed, verify, threads
        self._teacher, self._software = teacher_of(predictor.card), software()
        self._writers: dict[int, ShardWriter] = {}
        self.redo: dict[int, int] = {}
        self._stop, self._leave = Event(), Event()
        try:
            self.claims = Claims(out / "claims", stale_s, beat_s)
        except OSError as error:
            raise LeadlineError(f"can't write to {out}: {error.strerror or error}; choose another folder") from None
        try:
            self.plan: Plan = open_record(inputs, predictor.card, out, self._options, shard_images, sky_name, self.claims)
        except BaseException:
            self.claims.close()
            raise

    def run(self) -> Iterator[ShardDone]:
        """Label all pictures; yield each shard of the job once, when it is finished by whomever.

        Returns when the whole job is done: shards that other workers hold are waited for, and taken over should these die. To
        leave early, close the generator; what was begun is discarded.

        Raises:
            LeadlineError: the folder can't be written, the disk is full, or a shard belongs to another job.
        """
        try:
            left = yield from self.survey()
            begin = secrets.randbelow(len(left)) if left else 0  # workers that start at once begin at different places
            left = left[begin:] + left[:begin]
            while left:
                done: set[int] = set()
                for finished in self.label(left):
                    done.add(finished.shard)
                    yield finished
                left = [shard for shard in left if shard not in done]
                if left and not done:
                    time.sleep(POLL_S)
        finally:
            self.close()

    def survey(self) -> Generator[ShardDone, None, list[int]]:
        """Yield the shards that an earlier run has finished; return those that are left."""
        left: list[int] = []
        sizes = shard_sizes(self._out)
        for shard in range(self.plan.summary.shards):
            stamp = self._stamp(shard)  # first: what is made from here on is not done again
            plan = self.plan.summary.sha256
            part = whole_part(self._out, shard, plan, sizes, self._verify)
            if part is None and stamp is not None:  # or made since the files were listed
                part = whole_part(self._out, shard, plan, None, self._verify)
            if part is not None and not (self._retry_failed and part.counts.get("failed")):
                yield ShardDone(shard, "before", dict(part.counts))
                continue
            left.append(shard)
            if stamp is not None:
                self.redo[shard] = stamp
        return left

    def label(self, shards: Iterable[int], held: Callable[[int], None] = lambda shard: None) -> Iterator[ShardDone]:
        """Go through `shards` once: label those that are free, and say which of them others have finished.

        Args:
            shards: taken one by one, each when the pictures of the one before are on their way.
            held: called with each shard that another worker holds, or has finished at the same time.

        Raises:
            LeadlineError: see `run`.
        """
        finished: list[ShardDone] = []
        options, sky = self._options, self._sky
        at_least = self._predictor.longer_side_needed() if isinstance(self._predictor, AnySizePredictor) else None

        def read(work: Work) -> Photo:
            return keeping_reason(work, lambda: read_stage(work, options, at_least))

        def predict(work: Work, photo: Photo) -> Prediction:
            return predict_stage(work, photo, self._predictor, options, sky)

        def write(work: Work, photo: Photo, prediction: Prediction) -> None:
            keeping_reason(work, lambda: finish_stage(work, prediction, options))

        # One pipeline for all shards: while the last pictures of one are written, the first of the next are read.
        results = run_pipeline(
            self._works(shards, finished, held), self._predictor, write, read=read, predict=predict, workers=self._threads
        )
        try:
            for result in results:
                if self._leave.is_set():
                    return
                yield from _drained(finished)
                work = result.item
                row = row_of(result)
                self._writers[work.shard].add(row, files_of(work, row, self._teacher, self._software, options))
                if work.row == self._images(work.shard) - 1:
                    part = self._commit(work.shard)
                    if part is not None:
                        yield ShardDone(work.shard, "this", dict(part.counts))
                    else:
                        held(work.shard)
        finally:
            self._stop.set()  # first: threads at a gate wait for others that may never come
            results.close()  # type: ignore[attr-defined]
            self._stop.clear()
        yield from _drained(finished)

    def leave(self) -> None:
        """Let `label`, in whatever thread it runs, end after the picture at hand; `close` discards what is unfinished."""
        self._leave.set()

    def close(self) -> None:
        """Discard what is unfinished, and give all claims back."""
        self._stop.set()
        for writer in self._writers.values():
            writer.discard()
        self.claims.close()

    def _works(self, shards: Iterable[int], finished: list[ShardDone], held: Callable[[int], None]) -> Iterator[Work]:
        """Claim one shard after another, when its turn has come, and yield its pictures."""
        plan = self.plan.summary
        for shard in shards:
            if not self.claims.take(claim_name(shard)):
                held(shard)
                continue
            part = self._already(shard)
            if part is not None:
                self.claims.release(claim_name(shard))
                finished.append(ShardDone(shard, "another", dict(part.counts)))
                continue
            part_path(self._out, shard).unlink(missing_ok=True)  # damaged, of a tar that is gone, or to be done again
            self._writers[shard] = ShardWriter(self._out, shard)
            bits = self._options.duplicate_bits
            gate = None if bits is None else Gate(bits, self._stop.is_set)
            for row, item in enumerate(iter_items(self.plan.read_shard(shard))):
                yield Work(shard, row, shard * plan.shard_images + row, item, gate)

    def _already(self, shard: int) -> Part | None:
        part = whole_part(self._out, shard, self.plan.summary.sha256)
        stamp = self._stamp(shard)
        return None if stamp is not None and stamp == self.redo.get(shard) else part

    def _stamp(self, shard: int) -> int | None:
        """Return when the shard's part was made, None if there is none."""
        try:
            return part_path(self._out, shard).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def _commit(self, shard: int) -> Part | None:
        writer = self._writers.pop(shard)
        try:
            part = writer.commit(self.plan.summary.sha256, self._teacher, self._software)
        finally:
            writer.discard()
            self.claims.release(claim_name(shard))
        return part

    def _images(self, shard: int) -> int:
        plan = self.plan.summary
        return min(plan.shard_images, plan.images - shard * plan.shard_images)


def keeping_reason(work: Work, stage: Callable[[], Value]) -> Value:
    """Run a stage; should a filter leave the picture out, note which."""
    try:
        return stage()
    except LeftOut as left_out:
        work.left_out = left_out
        raise


def row_of(result: ItemResult[Work, None]) -> dict[str, Any]:
    """Return a picture's row of the manifest."""
    work, entry = result.item, result.item.item.entry
    row: dict[str, Any] = {
        "index": work.index, "shard": work.shard, "source": entry.source, "member": entry.member or None, "state": "labelled",
        "key": f"{work.index:09d}", **work.facts,
    }  # fmt: skip
    if work.left_out is not None:
        row |= {"state": "left_out", "stage": work.left_out.stage, "reason": str(work.left_out)}
    elif result.error is not None:
        row |= {"state": "failed", "stage": _FAILED_IN[[*result.seconds][-1]], "reason": result.error}
    return row


def files_of(work: Work, row: dict[str, Any], teacher: dict[str, str], version: str, options: LabelOptions) -> dict[str, bytes]:
    """Return the files of a picture in its shard, by suffix; none if it has no label."""
    if row["state"] != "labelled":
        return {}
    files = {LABEL_SUFFIXES[options.write]: work.label, "json": record_json(row, teacher, version)}
    if options.images == "bytes":
        entry = work.item.entry
        files[_suffix(work.picture, entry.member or entry.source)] = work.picture
    return files


def _suffix(data: bytes, name: str) -> str:
    """Return a picture's suffix without its dot: of its name, else of its content (rows of Parquet files have no names)."""
    named = next((suffix for suffix in IMAGE_SUFFIXES if name.lower().endswith(suffix)), "")
    webp = ".webp" if data[8:12] == b"WEBP" else ".img"
    return (named or next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), webp))[1:]


def _drained(finished: list[ShardDone]) -> Iterator[ShardDone]:
    while finished:
        yield finished.pop(0)


def claim_name(shard: int) -> str:
    """Return what the claim on a shard is called."""
    return f"{shard:06d}"
