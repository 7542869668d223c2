"""``leadline data check|preview``: is this folder what it should be, and what does it look like?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="data", help="Check a data set for the classic mistakes, or look at it.")


@app.command
def check(root: Path, /, *, dataset: str = "leadline", json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Check a data set: missing files, sizes, units, masks, intrinsics; exit code 1 if something is wrong.

    Parameters
    ----------
    root
        The data set's folder.
    dataset
        Its layout; "leadline" is what `leadline synth` writes. An unknown name lists the known ones.
    json
        Print one JSON object.
    """
    from leadline.data.check import check as check_folder

    report = check_folder(root, dataset=dataset)
    print(report.to_json() if json else str(report))
    return 1 if report.problems else 0


@app.command
def preview(root: Path, /, *, dataset: str = "leadline", out: Path = Path("preview.png"), count: int = 12) -> int:
    """Write a contact sheet of a data set: picture, depth and masks side by side.

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
