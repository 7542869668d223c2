"""``leadline label teacher``: labels by one network for any number of pictures, to train another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from leadline.labels.dry_run import Estimate
    from leadline.labels.job import ShardDone
    from leadline.labels.options import LabelOptions
    from leadline.labels.stages import SkyMask

Flag = Annotated[bool, Parameter(negative=())]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
FromZero = Annotated[int, Parameter(validator=validators.Number(gte=0))]


def teacher(
    *paths: Annotated[str, Parameter(required=True, negative=())],
    model: str = "leadline-s",
    kind: str | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    flip: Flag = False,
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
    engine: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    workers: str | None = None,
    cpus_per_worker: Count | None = None,
    gpus_per_worker: Annotated[float | None, Parameter(validator=validators.Number(gte=0))] = None,
    wait_minutes: Annotated[float | None, Parameter(validator=validators.Number(gte=0))] = None,
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
        A shipped network, an ONNX file, a run of leadline train, or a transformers model such as owner/name. Several, with
        commas between, are averaged.
    kind
        What an ONNX file's numbers mean if it has no card.
    precision
        The network computes in fp32, or in bf16: several times as fast on CPUs that have it, with about three digits.
    flip
        Average with the labels of the mirrored pictures: twice the work, better labels.
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
    engine
        local is this process; ray runs workers on a Ray cluster, all nodes of which see the pictures and OUT.
    ray_address
        HOST:PORT of the cluster's head, or auto on one of its machines; RAY_ADDRESS if left out, else this machine alone.
    workers
        Of ray: the fewest and the most, such as 2,16, or one number for both; by default from 1 to as many as fit now.
    cpus_per_worker
        Of ray: cores that a worker keeps to; by default those of the smallest node.
    gpus_per_worker
        Of ray: may be a fraction; by default none.
    wait_minutes
        Of ray: how long to wait for the fewest workers (10).
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
    cluster: dict[str, Any] = {"ray_address": ray_address, "workers": workers, "cpus_per_worker": cpus_per_worker}
    cluster |= {"gpus_per_worker": gpus_per_worker, "wait_minutes": wait_minutes}
    if engine == "local" and (stray := next((name for name, value in cluster.items() if value is not None), None)):
        raise LeadlineError(f"--{stray.replace('_', '-')} {cluster[stray]} is of --engine ray: add that, or leave it out")
    if flip and max_flip_difference is not None:
        raise LeadlineError(
            f"--max-flip-difference {max_flip_difference:g} compares a picture's label with its mirrored copy's, and --flip "
            "takes their mean, which both have: give one"
        )
    options = LabelOptions(
        size, write, images, min_side, duplicate_bits, min_spread, max_flip_difference, precision=precision
    )  # fmt: skip
    keep_freed_memory()
    if engine == "ray" and not dry_run:
        rest = {"shard_images": shard_images, "retry_failed": retry_failed, "verify": verify}
        return _on_ray(inputs, model, kind, flip, out, options, sky, {**cluster, **rest}, json)
    predictor = load(model, kind, precision, flip=flip)
    mask, sky_name = _sky(sky)
    if dry_run:
        return _tell_estimate(estimate(inputs, predictor, options, shard_images, mask), json)
    job = LabelJob(
        inputs, predictor, Path(out), options, shard_images=shard_images, sky=mask, sky_name=sky_name,
        retry_failed=retry_failed, verify=verify,
    )  # fmt: skip
    return _tell(job.run(), job.plan.summary.images, out, json)


def _on_ray(
    inputs: Sequence[str], model: str, kind: str | None, flip: bool, out: str, options: LabelOptions, sky: str | None,
    settings: dict[str, Any], as_json: bool,
) -> int:  # fmt: skip
    """Run the job on a cluster; return the exit code."""
    import os
    import sys
    from contextlib import redirect_stdout
    from functools import partial

    from leadline.cli.load import load, split_models
    from leadline.cli.progress import say
    from leadline.labels.ray_job import WAIT_S, RayLabelJob

    models = ",".join(map(_full_path, split_models(model)))
    job = RayLabelJob(
        inputs, partial(load, models, kind, options.precision, flip=flip), Path(out), options,
        make_sky=partial(_sky_alone, _full_path(sky)) if sky else None, sky_name=_sky(sky)[1],
        workers=_fewest_and_most(settings["workers"]), cpus_per_worker=settings["cpus_per_worker"],
        gpus_per_worker=settings["gpus_per_worker"] or 0.0, address=settings["ray_address"],
        wait_s=WAIT_S if settings["wait_minutes"] is None else 60 * settings["wait_minutes"],
        shard_images=settings["shard_images"], retry_failed=settings["retry_failed"], verify=settings["verify"],
    )  # fmt: skip
    say(f"leadline: Ray: {job.cluster}")
    stdout = sys.stdout
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # Ray prints a page there for each lost node
        return _tell(job.run(), job.plan.summary.images, out, as_json, job.notes, stdout)


def _fewest_and_most(text: str | None) -> tuple[int, int | None]:
    from leadline.errors import LeadlineError

    if text is None:
        return 1, None
    try:
        fewest, most = (int(part) for part in (text.split(",") if "," in text else (text, text)))
    except ValueError:
        raise LeadlineError(f"--workers {text!r}: expected a number, or the fewest and the most such as 2,16") from None
    return fewest, most


def _full_path(name: str) -> str:
    """Return a file or folder with its full path, for processes that run elsewhere; any other name as it is."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def _sky_alone(name: str) -> SkyMask:
    mask, _ = _sky(name)
    assert mask is not None
    return mask


def _sky(name: str | None) -> tuple[SkyMask | None, str]:
    """Return what finds the sky, and what it is called in the record of the job."""
    if name is None:
        return None, ""
    from leadline.cli.segmenter import named_segmenter

    segmenter = named_segmenter(name)
    return segmenter.sky, f"{segmenter.card.name} {segmenter.card.sha256}".strip()


def _tell(
    shards: Iterable[ShardDone], images: int, out: str, as_json: bool, notes: Sequence[str] = (), rows_to: TextIO | None = None
) -> int:
    """Say what becomes of each shard, and what notes are added meanwhile; return the exit code."""
    from collections import Counter
    from json import dumps

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from leadline.cli.progress import say

    counts: Counter[str] = Counter()
    told = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stderr=True, redirect_stdout=False) as bar:
        task = bar.add_task("labelling", total=images)
        for done in shards:
            counts.update(done.counts)
            bar.advance(task, sum(done.counts.values()))
            if as_json:
                print(dumps({"shard": done.shard, "by": done.by, **done.counts}), file=rows_to, flush=True)
            for note in notes[told:]:
                say(f"leadline: {note}")
            told = len(notes)
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
