"""``leadline label teacher``: labels by one network for any number of pictures, to train another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from leadline.labels.dry_run import Estimate
    from leadline.labels.job import ShardDone
    from leadline.labels.stages import SkyMask

Flag = Annotated[bool, Parameter(negative=())]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
FromZero = Annotated[int, Parameter(validator=validators.Number(gte=0))]


def teacher(
    *paths: Annotated[str, Parameter(required=True, negative=())],
    model: str = "leadline-s.v1",
    kind: str | None = None,
    size: Literal["network", "image"] = "network",
    write: Literal["png16", "npz"] = "png16",
    images: Literal["reference", "bytes"] = "reference",
    sky: str | None = None,
    shard_images: Count = 1000,
    min_side: FromZero = 0,
    duplicate_bits: int | None = None,
    min_spread: float = 0.0,
    max_flip_difference: float | None = None,
    retry_failed: Flag = False,
    verify: Flag = False,
    dry_run: Flag = False,
    json: Flag = False,
) -> int:
    """Label pictures by the million: leadline label teacher IN... OUT.

    Writes tar shards of labels (WebDataset) and a manifest (Parquet) with a row for every picture: labelled, left out by
    which filter, or failed and why. Stop it at any time and run it again; run it several times at once, on any machines that
    see OUT, to share the work. The exit code is 1 if pictures failed.

    Parameters
    ----------
    paths
        Pictures, folders, quoted globs, lists (.txt), tar files, Parquet files, or URLs of these; the last is the folder OUT.
    model
        A shipped network, an ONNX file, a run of leadline train, or a transformers model such as owner/name.
    kind
        What an ONNX file's numbers mean if it has no card.
    size
        Labels at the network's resolution, or at the pictures'.
    write
        png16 (16 bits over each label's range) or npz (half floats).
    images
        Name the pictures in the shards, or store their bytes, too.
    sky
        Find the sky and give it disparity 0: auto, or another segmenter: an ONNX file, or hf:OWNER/NAME of transformers.
    shard_images
        Pictures in a shard: what a killed worker loses at most.
    min_side
        Leave out pictures whose shorter side has fewer pixels.
    duplicate_bits
        Leave out pictures like an earlier one of their shard: perceptual hashes that differ by at most so many bits (try 4).
    min_spread
        Leave out flat labels: the 2nd to 98th percentile spans less than this share of the larger one (try 0.05).
    max_flip_difference
        Predict mirrored pictures, too, and leave out those whose maps differ by more (0 is equal, 1 unrelated; try 0.3).
    retry_failed
        Do shards with failed pictures again.
    verify
        Compare the checksums of shards that are there, not only their sizes.
    dry_run
        Write nothing; print pictures, shards, bytes, and hours from a sample that is labelled.
    json
        Print one JSON object per shard, or that of the dry run.
    """
    from leadline.cli.load import load
    from leadline.errors import LeadlineError
    from leadline.labels.dry_run import estimate
    from leadline.labels.job import LabelJob
    from leadline.labels.options import LabelOptions
    from leadline.runtime.malloc import keep_freed_memory

    if len(paths) < 2:
        raise LeadlineError(f"only {paths[0]!r}: expected pictures and, last, the folder for the labels")
    *inputs, out = paths
    options = LabelOptions(size, write, images, min_side, duplicate_bits, min_spread, max_flip_difference)
    keep_freed_memory()
    predictor = load(model, kind)
    mask, sky_name = _sky(sky)
    if dry_run:
        return _tell_estimate(estimate(inputs, predictor, options, shard_images, mask), json)
    job = LabelJob(
        inputs, predictor, Path(out), options, shard_images=shard_images, sky=mask, sky_name=sky_name,
        retry_failed=retry_failed, verify=verify,
    )  # fmt: skip
    return _tell(job.run(), job.plan.summary.images, out, json)


def _sky(name: str | None) -> tuple[SkyMask | None, str]:
    """Return what finds the sky, and what it is called in the record of the job."""
    if name is None:
        return None, ""
    from leadline.cli.segmenter import named_segmenter
    from leadline.runtime.segmenter_card import SKY

    segmenter = named_segmenter(name)
    return lambda pixels: segmenter(pixels) == SKY, f"{segmenter.card.name} {segmenter.card.sha256}".strip()


def _tell(shards: Iterable[ShardDone], images: int, out: str, as_json: bool) -> int:
    """Say what becomes of each shard; return the exit code."""
    from collections import Counter
    from json import dumps

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from leadline.cli.progress import say

    counts: Counter[str] = Counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stderr=True, redirect_stdout=False) as bar:
        task = bar.add_task("labelling", total=images)
        for done in shards:
            counts.update(done.counts)
            bar.advance(task, sum(done.counts.values()))
            if as_json:
                print(dumps({"shard": done.shard, "by": done.by, **done.counts}), flush=True)
    say(f"{', '.join(f'{number} {state}' for state, number in sorted(counts.items()))}; labels in {out}")
    if counts["failed"]:
        say(f"leadline: why pictures failed is in the column 'reason' of {Path(out) / 'manifest'}")
    return 1 if counts["failed"] else 0


def _tell_estimate(found: Estimate, as_json: bool) -> int:
    from dataclasses import asdict
    from json import dumps

    if as_json:
        print(dumps(asdict(found)))
        return 0
    unknown = f", and {found.sizes_unknown} of unknown size" if found.sizes_unknown else ""
    print(f"pictures   {found.images}" + (f", {found.problems} of them unreadable" if found.problems else ""))
    print(f"shards     {found.shards}")
    print(f"to read    {found.bytes_known / 1e9:.3f} GB{unknown}")
    print(f"to write   {found.label_bytes / 1e9:.3f} GB")
    print(f"time       {found.hours:.2f} hours for one worker like this, at {found.images_per_s:.1f} pictures a second")
    print(f"sample     {found.sampled} pictures: {found.sample_failed} failed, {found.sample_left_out} left out")
    if found.first_failure:
        print(f"           {found.first_failure}")
    return 0
