"""``leadline data check|convert|preview``: is this folder what it should be, and what does it look like?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators

if TYPE_CHECKING:
    from leadline.data.convert import Conversion

app = App(name="data", help="Check a data set for the classic mistakes, convert it, or look at it.")

Flag = Annotated[bool, Parameter(negative=())]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


@app.command
def check(
    root: Path,
    /,
    *,
    dataset: str = "leadline",
    samples: Count = 64,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    json: Flag = False,
) -> int:
    """Check a data set for the classic mistakes.

    Wrong unit, distance or disparity as depth, 0/255 masks, intrinsics of another size, pairs that are not rectified, truth
    shifted against the picture, poses the wrong way round, and more. Exit code 1 if an error is found; 0 if there is none, or
    warnings only.

    Parameters
    ----------
    root
        The data set's folder.
    dataset
        Its layout; "leadline" is what `leadline synth` writes. An unknown name lists the known ones.
    samples
        How many samples are looked at, spread over the set in groups of neighbours.
    all_
        Look at all samples.
    json
        Print one JSON object.
    """
    from leadline.data.check import check as check_folder

    report = check_folder(root, dataset=dataset, most=None if all_ else samples)
    print(report.to_json() if json else str(report))
    return 1 if report.errors else 0


@app.command(name="check-video")
def check_video(source: str, /, *, frames: Count = 600, json: Flag = False) -> int:
    """Check whether a film can teach depth: parallax, rest, turns, things that move, brightness, frame rate.

    Exit code 1 if an error is found in a film; 0 if there is none, or warnings only.

    Example: leadline data check-video walk.mp4::K.txt

    Parameters
    ----------
    source
        A video, a folder of frames, a rendered world of films, or anything else that data.sources takes.
    frames
        How many are looked at, from the beginning of each film.
    json
        Print one JSON list, an object a film.
    """
    from json import dumps, loads

    from leadline.data.check_video import check_video as check_films

    reports = check_films(source, frames)
    if json:
        print(dumps([loads(report.to_json()) for report in reports], indent=2, ensure_ascii=False))
    else:
        print("\n".join(str(report) for report in reports))
    return 1 if any(report.errors for report in reports) else 0


@app.command
def convert(
    root: Path,
    /,
    *,
    out: Path,
    dataset: str = "leadline",
    to: Literal["leadline", "png16"] = "leadline",
    every: Count = 1,
    limit: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    without: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    json: Flag = False,
) -> int:
    """Convert a data set into plain files; run again to go on after a stop.

    A sample that can't be read, or that the layout can't hold, is reported and counted, the rest is done, and the exit code
    is 1.

    Parameters
    ----------
    root
        The data set's folder.
    out
        Folder to write.
    dataset
        The layout of the data set. An unknown name lists the known ones.
    to
        leadline is the folder that `leadline synth` writes, for metric depth with a camera; png16 holds pictures beside 16-bit
        depth files of any kind.
    every
        Convert the first of each EVERY samples.
    limit
        Convert at most so many samples.
    without
        Masks to leave out, or "right" for the second picture of stereo pairs.
    json
        Print one JSON object.
    """
    from dataclasses import asdict
    from json import dumps

    from leadline.cli.progress import say
    from leadline.data.convert import convert as convert_folder

    with _progress() as tell:
        done = convert_folder(
            root, dataset, out, to=to, every=every, limit=limit, without=without, on_progress=tell
        )  # fmt: skip
    if json:
        print(dumps({**asdict(done), "out": str(done.out)}, indent=2, ensure_ascii=False))
    else:
        say(str(done))
    return 1 if done.failures else 0


@app.command
def preview(root: Path, /, *, dataset: str = "leadline", out: Path = Path("preview.png"), count: int = 12) -> int:
    """Write a contact sheet of a data set: picture, truth and masks side by side.

    Stereo pairs show both pictures; pairs of points are drawn into the picture.

    Parameters
    ----------
    root
        The data set's folder.
    dataset
        Its layout; "leadline" is what `leadline synth` writes.
    out
        The PNG file to write.
    count
        How many samples, spread evenly over the set.
    """
    from leadline.data.preview import write_contact_sheet

    write_contact_sheet(root, out, dataset=dataset, count=count)
    print(out)
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[Conversion, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("samples")

        def tell(done: Conversion, total: int) -> None:
            failed = f"samples, {len(done.failures)} failed" if done.failures else "samples"
            finished = done.written + done.kept + len(done.failures)
            bar.update(task, completed=finished, total=total, description=failed)

        yield tell
