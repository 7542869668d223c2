"""``leadline evaluate``: how good is a model, under a protocol that has a name and a fingerprint?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import CycloptsError, Parameter, validators

if TYPE_CHECKING:
    from leadline.data.datasets.dataset import Dataset
    from leadline.evaluation.protocol import Protocol
    from leadline.evaluation.result import Result, Row
    from leadline.predictor import Predictor

Count = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]
Flag = Annotated[bool, Parameter(negative=())]


def evaluate(
    *,
    model: str | None = None,
    predictions: Path | None = None,
    kind: str | None = None,
    convention: str | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    protocol: str | None = None,
    classes: str | None = None,
    tom: str | None = None,
    flip: Flag = False,
    every: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
    limit: Count = None,
    json: Path | None = None,
    report: Path | None = None,
    resume: bool = True,
    list_: Annotated[bool, Parameter(name="--list", negative=())] = False,
) -> int:
    """Score a model, or a folder of predictions, on a data set under a protocol.

    Images without a usable prediction are counted and scored by the protocol's policy, never dropped; the exit code is then 1.
    With --json, a run that was stopped goes on where it was.

    Parameters
    ----------
    model
        A shipped network (leadline models list), an ONNX file, a run of leadline train or a checkpoint, a transformers model
        such as owner/name or its folder, or constant or ramp, which never look at the picture. Several, with commas between,
        are averaged.
    predictions
        Instead of a model: a folder with one depth file a sample, named as the samples or as their pictures.
    kind
        What the numbers mean if the file or folder doesn't say: for instance disparity/affine_invariant or depth/metric.
    convention
        Of 16-bit PNG predictions: kitti, nyu, tum, ... (metres a count).
    dataset
        Its layout; an unknown name lists the known ones.
    root
        The data set's folder.
    protocol
        How to compare; --list shows all.
    classes
        Score classes of pixels apart, beside the protocol's own: booster, material, distance, edges, sky, with commas between.
    tom
        Score the model with virtual depth on glass and mirrors: sample takes the true masks that the data set has; auto, or the
        name of a segmenter, finds them, as in leadline predict.
    flip
        Average with the answers for the mirrored pictures.
    every
        Score the first of each so many samples.
    limit
        Score at most so many.
    json
        Write the result with every image to this file; leadline compare reads it.
    report
        Write an HTML page with tables and pictures to this folder.
    resume
        Go on with the rows of a stopped run; --no-resume starts over.
    list_
        Print all protocols with their fingerprints; with --dataset those that are meant for it or for any.
    """
    from dataclasses import replace

    if list_:
        return _list_protocols(dataset)
    given = {"--dataset": dataset, "--root": root, "--protocol": protocol, "--model or --predictions": model or predictions}
    if missing := [name for name, value in given.items() if value is None]:
        raise CycloptsError(msg=f"evaluate needs {', '.join(missing)}; leadline evaluate --list shows the protocols")
    if model is not None and predictions is not None:
        raise CycloptsError(msg=f"--model {model} and --predictions {predictions} both say what to score: give one")
    assert dataset is not None
    assert root is not None
    assert protocol is not None

    from leadline.data.datasets.registry import get_dataset
    from leadline.evaluation.protocols.registry import get_protocol
    from leadline.evaluation.runner import evaluate_dataset

    reader, chosen = get_dataset(dataset), get_protocol(protocol)
    if classes is not None:
        chosen = replace(chosen, classes=_with_classes(chosen, classes))
    all_names = reader.names(root)
    names = all_names[::every][:limit]
    if predictions is not None and (option := f"--tom {tom} paints" if tom is not None else "--flip mirrors" if flip else ""):
        raise CycloptsError(msg=f"{option} pictures and needs a --model: --predictions {predictions} never sees them")
    predictor = _predictor(model, predictions, all_names, kind, convention, flip)
    if tom is not None:
        predictor = _with_tom(predictor, tom)
    if report is not None:
        _refuse_file(report)  # now, not after an hour of scoring
    if chosen.datasets and dataset not in chosen.datasets:
        _say(f"note: {chosen.name} is meant for {', '.join(chosen.datasets)}, not for {dataset}")
    partial = None if json is None else json.with_suffix(".jsonl.part")
    with _Progress(len(names)) as progress:
        result = evaluate_dataset(
            predictor,
            reader,
            root,
            chosen,
            every=every,
            limit=limit,
            partial_file=partial,
            resume=resume,
            on_row=progress.add,
        )
    if json is not None and partial is not None:
        result.write(json)
        partial.unlink(missing_ok=True)
    print(_table(result))
    _say(_summary(result))
    if report is not None:
        _write_report(result, report, reader, root, predictor)
    unread = sum(row.skipped.startswith("can't be read") for row in result.rows)
    return 1 if result.failures or unread or not result.scored else 0


def _list_protocols(dataset: str | None) -> int:
    from leadline.evaluation.protocols.registry import all_protocols

    protocols = list(all_protocols())
    if dataset is not None:
        from leadline.data.datasets.registry import get_dataset

        name = get_dataset(dataset).info.name
        protocols = [protocol for protocol in protocols if not protocol.datasets or name in protocol.datasets]
    width = max(len(protocol.name) for protocol in protocols)
    for protocol in protocols:
        print(f"{protocol.fingerprint}  {protocol.name.ljust(width)}  {protocol.title}")
    return 0


def _with_classes(protocol: Protocol, names: str) -> Any:
    from leadline.evaluation.classes import Classes

    own = protocol.classes.members if protocol.classes else ()
    return Classes((*own, *(member for member in Classes.parse(names).members if member not in own)))


def _predictor(
    model: str | None, predictions: Path | None, names: list[str], kind: str | None, convention: str | None, flip: bool
) -> Predictor:
    from leadline.runtime.malloc import keep_freed_memory

    keep_freed_memory()
    if predictions is not None:
        from leadline.evaluation.predictions import FolderPredictions

        return FolderPredictions(predictions, names, kind=kind, convention=convention)
    from leadline.cli.load import load

    return load(str(model), kind, flip=flip)


def _with_tom(predictor: Predictor, tom: str) -> Predictor:
    """Return the predictor with virtual depth, from the samples' masks or from those that a segmenter finds."""
    from leadline.labels.tom_predictor import TomPredictor

    if tom == "sample":
        return TomPredictor(predictor)
    from leadline.cli.segmenter import named_segmenter

    segmenter = named_segmenter(tom)
    return TomPredictor(predictor, segmenter.surfaces, tag=f"tom-{segmenter.card.name}")


def _refuse_file(report: Path) -> None:
    from leadline.errors import LeadlineError

    for path in (report, *report.parents):
        if path.exists() and not path.is_dir():
            raise LeadlineError(f"--report {report}: {path} is a file, expected a folder; choose another")


def _write_report(result: Result, report: Path, reader: Dataset, root: Path, predictor: Predictor) -> None:
    from leadline.evaluation.html import write_report

    print(write_report(result, report, reader.info.name, root, predictor))


def _table(result: Result) -> str:
    """Return the metrics, one line each, with a column for each class of pixels."""
    from leadline.evaluation.report import markdown_table, number

    if not result.scored:
        return "no image was scored"
    rows = [
        [
            "images",
            *(str(sum(of in row.metrics and row.pixels.get(of, 1) > 0 for row in result.scored)) for of in result.classes),
        ]
    ]
    for name in result.metric_names:
        rows.append([name, *(number(result.metrics[of].get(name)) for of in result.classes)])
    return markdown_table(["", *result.classes], rows)


def _summary(result: Result) -> str:
    counts, protocol = result.counts, result.protocol
    lines = [
        f"{result.model.name} on {result.dataset.name}, protocol {protocol['name']} {result.fingerprint}: "
        f"{counts['scored']} of {result.dataset.images} images scored, {counts['failed']} of them failed, "
        f"{counts['skipped']} skipped, "
        f"{counts['upside_down']} fits upside down, {counts['degenerate']} degenerate"
    ]
    if counts["upside_down"]:
        lines.append("upside down: the fit turns near and far round; such a score says little about the model")
    for title, rows in (("failed", result.failures), ("skipped", result.skipped)):
        lines += [f"{title}: {row.name}: {row.failure or row.skipped}" for row in rows[:5]]
        if len(rows) > 5:
            lines.append(f"... and {len(rows) - 5} more {title}")
    return "\n".join(lines)


def _say(message: str) -> None:
    from leadline.cli.progress import say

    say(f"leadline: {message}")


class _Progress:
    """A progress bar on stderr where somebody looks at it."""

    def __init__(self, total: int) -> None:
        self._bar: Any = None
        self._left = total
        if total > 1 and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("scoring", total=total)

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def add(self, row: Row, total: int) -> None:
        """Count a row; the first one of a run that goes on says so."""
        if total < self._left:
            _say(f"goes on after the {self._left - total} images of a stopped run; --no-resume starts over")
        self._left = 0
        if self._bar is not None:
            self._bar.update(self._task, advance=1, total=total)
