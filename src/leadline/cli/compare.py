"""``leadline compare``: is one model better than another, or is it chance?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def compare(
    first: Path,
    /,
    *others: Path,
    metric: str | None = None,
    class_: Annotated[str, Parameter(name="--class")] = "all",
    resamples: int = 10_000,
    seed: int = 0,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Compare results of `leadline evaluate --json` with the first: differences, their intervals, images won and lost.

    Results of different protocols, data sets or images are refused. "no difference shown" means that the interval holds 0.

    Parameters
    ----------
    first
        The result that the others are compared with.
    others
        One or more results.
    metric
        Metrics with commas between them, for instance abs_rel,delta1; all by default.
    class_
        The class of pixels.
    resamples
        Draws of the images for the interval.
    seed
        Of the draws.
    json
        Print one JSON object.
    """
    from leadline.evaluation.compare import compare as compare_results
    from leadline.evaluation.result import read_result

    files = [first, *others]
    metrics = None if metric is None else [name.strip() for name in metric.split(",") if name.strip()]
    results = [read_result(file) for file in files]
    comparison = compare_results(results, [str(file) for file in files], metrics, class_, resamples, seed)
    print(comparison.to_json() if json else comparison)
    return 0
