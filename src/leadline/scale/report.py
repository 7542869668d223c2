"""The linearity of a data set's maps as a Markdown page with plots."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from leadline.depth_map import Quantity
from leadline.io.atomic import atomic_write
from leadline.scale.factor import Factor
from leadline.scale.linearity import Linearity, Transfer

_SHOWN = 20_000  # pixels of the scatter
# What the paper's claim needs: METHODS' reading of "one slope for the data set".
_LINEAR = 0.9


def write_linearity_report(
    folder: str | PathLike[str], found: Linearity, factor: Factor, moved: Transfer | None = None, title: str = "Maps and truth"
) -> Path:
    """Write ``index.md`` and ``linearity.png`` into a folder and return the page's path.

    Args:
        folder: made if it is missing.
        found: the analysis.
        factor: what was fitted.
        moved: the score of the factor on these images; None for maps with an unknown shift.
        title: of the page.

    Raises:
        LeadlineError: a file can't be written.
    """
    folder = Path(folder)
    draw(found, folder / "linearity.png")
    path = folder / "index.md"
    with atomic_write(path) as temporary:
        temporary.write_text(page(found, factor, moved, title), encoding="utf-8")
    return path


def page(found: Linearity, factor: Factor, moved: Transfer | None = None, title: str = "Maps and truth") -> str:
    """Return the page as Markdown; its plot is ``linearity.png`` beside it."""
    unit = "1/m" if found.space is Quantity.DISPARITY else "m"
    said = "one line fits all images" if found.r2 >= _LINEAR else "one line does not fit all images"
    through = "" if found.space is not Quantity.DEPTH else f"; through the origin {found.r2_origin:.3f}"
    images = np.array([[line.slope, line.r2, line.ratio] for line in found.images])
    rows = [
        f"| {name} | {scale:.5g} | {f'{ends.scale[0]:.5g} to {ends.scale[1]:.5g}' if ends else '–'} |"
        for name, (scale, ends) in found.factors.items()
    ]
    lines = [
        f"| {line.name} | {line.r2:.3f} | {line.r2_origin:.3f} | {line.slope:.4g} | {line.shift:.4g} | {line.ratio:.4g} |"
        for line in found.images
    ]
    factors = [] if not rows else [
        "", "## The factor, by every estimator", "", "Through the origin; intervals draw whole images (bootstrap, 95 %).", "",
        "| estimator | factor | interval |", "| --- | ---: | ---: |", *rows,
    ]  # fmt: skip
    scores = [] if moved is None else [
        "", "## What the factor is worth here", "",
        f"AbsRel over {moved.images} images: {moved.abs_rel:.3f} with the one factor, {moved.per_image:.3f} with each image's "
        f"own median ratio (which needs its truth), {moved.constant:.3f} without the map, by each image's median depth. The "
        f"price of one number is {moved.price:+.3f}. The factor was fitted on these images, unless it came from elsewhere.",
    ]  # fmt: skip
    return "\n".join([
        f"# {title}", "", "```text", str(factor), "```", "",
        f"R2 of the data set {found.r2:.3f}{through}: {said} (target at least {_LINEAR}). R2 of an image: median "
        f"{np.median(images[:, 1]):.3f}. The images' own ratios spread by {found.ratio_spread:.1%} (deviation / mean).",
        "", "![Scatter of the pixels, histogram of the images' ratios, slopes](linearity.png)", *scores,
        *factors,
        "", "## Images", "",
        f"Least squares of the truth ({found.space}, {unit}) on the map; *ratio* is median over median.", "",
        "| image | R2 | R2 through 0 | slope | shift | ratio |", "| --- | ---: | ---: | ---: | ---: | ---: |", *lines, "",
    ])  # fmt: skip


def draw(found: Linearity, path: Path) -> None:
    """Write the plot: pixels with both lines, histogram of the images' ratios, slope and R2 of each image."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    unit = "1/m" if found.space is Quantity.DISPARITY else "m"
    figure, (scatter, ratios, slopes) = pyplot.subplots(1, 3, figsize=(13, 4), facecolor="white")
    pred, target = found.seen.pred, found.seen.target
    kept = np.random.default_rng(0).permutation(pred.size)[:_SHOWN]
    scatter.plot(pred[kept], target[kept], ".", markersize=1.5, alpha=0.25, color="#6d8fdd")
    reach = np.array([0.0 if found.space is Quantity.DEPTH else float(pred.min()), float(np.percentile(pred, 99.5))])
    scatter.plot(reach, found.slope * reach + found.shift, color="#d9822b", label=f"line, R2 {found.r2:.3f}")
    if found.space is Quantity.DEPTH and found.factors:
        name = "theil_sen" if "theil_sen" in found.factors else next(iter(found.factors))
        scale = found.factors[name][0]
        scatter.plot(reach, scale * reach, "--", color="#1c2024", label=f"{name} {scale:.3g}")
    scatter.set_xlim(*reach)
    scatter.set_ylim(0, float(np.percentile(target, 99.5)))
    scatter.set_xlabel(f"map ({found.space})")
    scatter.set_ylabel(f"truth ({unit})")
    scatter.set_title("pixels")
    scatter.legend(fontsize=8, frameon=False)
    own = np.array([line.ratio for line in found.images])
    ratios.hist(own[np.isfinite(own)], bins="auto", color="#6d8fdd")
    ratios.axvline(float(np.nanmedian(own)), color="#1c2024")
    ratios.set_xlabel("median(truth) / median(map)")
    ratios.set_title(f"images' own ratios, spread {found.ratio_spread:.1%}")
    slopes.plot([line.slope for line in found.images], [line.r2 for line in found.images], ".", color="#2f5fd0")
    slopes.axvline(found.slope, color="#d9822b", label="data set")
    slopes.set_ylim(min(0, *(line.r2 for line in found.images)), 1.02)
    slopes.set_xlabel("slope of an image")
    slopes.set_ylabel("R2 of an image")
    slopes.set_title("images' own lines")
    slopes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
    pyplot.close(figure)
