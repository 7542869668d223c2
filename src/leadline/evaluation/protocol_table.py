"""The table of protocols in the documentation, made from the registry.

``python -m leadline.evaluation.protocol_table docs/how-to/evaluate.md`` writes it between the page's two markers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.registry import FAMILIES, protocols_of
from leadline.io.atomic import atomic_write

BEGIN, END = "<!-- protocols -->\n", "<!-- end of protocols -->\n"
_FITS = {
    "scale_shift": "scale and shift",
    "scale": "scale",
    "median_scale": "ratio of medians",
    "mean_shift": "mean ratio",
    "robust_scale": "scale, L1",
    "robust_scale_shift": "scale and shift, L1",
}


def table() -> str:
    """Return the table in Markdown, one protocol a row, family by family."""
    lines = ["| protocol | fitted | compared | depths | meant for |", "| --- | --- | --- | --- | --- |"]
    for family, title in FAMILIES.items():
        lines.append(f"| **{title}** | | | | |")
        lines += [_row(protocol) for protocol in protocols_of(family)]
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Return a page with the table between its markers.

    Raises:
        LeadlineError: it lacks a marker.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LeadlineError(f"a page without the lines {BEGIN.strip()} and {END.strip()}: put them where the table belongs")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(protocol: Protocol) -> str:
    cells = (
        f"`{protocol.name}`",
        f"{_FITS[protocol.solver]} in {protocol.space.replace('_', ' ')}" if protocol.fits else "–",
        _compared(protocol),
        _range(protocol),
        ", ".join(f"`{name}`" for name in protocol.datasets) or "any",
    )
    return f"| {' | '.join(cells)} |"


def _compared(protocol: Protocol) -> str:
    if protocol.space == "order":
        return "who is closer"
    if protocol.space == "pixel_disparity":
        what = "stereo disparity, px"
    elif protocol.metrics[0].startswith("ssim"):
        what = "SSIM"
    elif protocol.metrics == ("boundary_f1",):
        what = "edges of depth"
    elif protocol.space == "none":
        what = "metres"
    else:
        what = protocol.compared
    crop = "".join(f", crop {name.replace('_', ' ')}" for name in protocol.crop)
    return what + crop + (", by class" if protocol.classes else "")


def _range(protocol: Protocol) -> str:
    if protocol.per_pair:
        return "–"
    near = f"{protocol.nearest_m:g} m " if protocol.nearest_m > 1e-3 else ""
    return "all" if protocol.cap_m is None else f"{near}to {protocol.cap_m:g} m"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table into a page, or print it."""
    parser = argparse.ArgumentParser(prog="python -m leadline.evaluation.protocol_table", description=main.__doc__)
    parser.add_argument("page", type=Path, nargs="?", help="a Markdown file with both markers")
    given = parser.parse_args(arguments)
    if given.page is None:
        print(table(), end="")
        return 0
    try:
        text = with_table(given.page.read_text("utf-8"))
        with atomic_write(given.page) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
