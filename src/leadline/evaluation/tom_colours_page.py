"""The page and the plot of the colour ablation: everything that is said is read from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from pathlib import Path

import numpy as np

from leadline.evaluation.report import markdown_table, number
from leadline.evaluation.surface_scores import PROTOCOL
from leadline.evaluation.tom_colours import (
    COUNTS,
    MERGED,
    PLAIN,
    SERIES,
    SHARE,
    SINGLE,
    TIMED_VIEWS,
    USUAL,
    VARIED,
    Ablation,
    Way,
)
from leadline.io.atomic import atomic_write

# Title of a column -> the number, factor, digits.
COLUMNS = {
    "ToM AbsRel": ("tom abs_rel", 1, 3),
    "ToM RMSE (m)": ("tom rmse", 1, 3),
    "ToM δ1.05": ("tom delta_1.05", 1, 3),
    "Other AbsRel": ("other abs_rel", 1, 3),
    "spread (%)": ("spread", 100, 2),
    "rank": ("rank", 1, 2),
}
# Okabe and Ito's colours, which colour-blind people tell apart, and shapes that print.
MARKS = dict(zip(SERIES, (("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "D")), strict=True))


def render(ablations: Sequence[Ablation], worlds: Path, seeds: Sequence[int], plot: str, command: str) -> str:
    """Return the Markdown page."""
    sections = "\n\n".join(_section(ablation, len(seeds)) for ablation in ablations)
    views, passed = len(ablations[0].views), ablations[0].passed_over
    low, high = (f"{share:.0%}" for share in SHARE)
    return f"""# How many colours does virtual depth need?

[Virtual depth](../how-to/glass.md) paints glass and mirrors over in N colours and takes the median of the N predictions.
Depth4ToM ([arXiv 2307.15052](https://arxiv.org/abs/2307.15052)) takes N = {USUAL}. Here is what N, the kind of colour and
the variants do, on {views} rendered views of rooms with glass and mirrors that no network was trained on.

![Error on glass and mirrors, spread over the colours, and time against the number of colours]({plot})

{sections}

## How

* Masks are the true ones. Scale and shift of each map are fitted to the true disparity by least squares over *all* pixels of
  the view, as Booster's protocol does; the depth is then compared by class: *ToM* is transparent or mirror, *Other* the rest.
  Truth on glass and mirrors is their own surface's. Protocol `{PROTOCOL.name}` {PROTOCOL.fingerprint}, to {PROTOCOL.cap_m:g} m.
* Means over views, then mean and standard deviation over {len(seeds)} seeds of the colours; what has no ± depends on no seed.
* *Spread*: half the inter-quartile range over the copies, as a share of the true disparity, mean over the ToM pixels. *Rank*:
  Spearman's correlation of a pixel's spread with its error (of disparity) over the ToM pixels of a view, mean over views:
  does the spread tell where in a picture the map is wrong?
* *Time*: processor time of all copies and their median over that of a plain prediction, in turns, nothing kept between them;
  the median of {TIMED_VIEWS} views.
* Views with ToM on less than {low} or more than {high} of their pixels are passed over ({passed} of {views + passed}).
* Fewer colours are the first ones of more, as everywhere in leadline: N = 1 to 20 share their copies. Grey is one colour, so
  that more copies of it are the same copy; *random greys* are the colours without their hue.

Regenerate: `{command}`,
on views of `leadline synth tom-held-out --size 256 192`, folder `{worlds.name}`. Every mean of every seed is in
`{Path(plot).stem}.json` beside this page.
"""


def _section(ablation: Ablation, seeds: int) -> str:
    counts = _table(ablation, [*SINGLE, *(way for ways in SERIES.values() for way in ways)])
    varied = _table(ablation, [SERIES["one random colour for all"][COUNTS.index(USUAL)], *VARIED])
    return f"""## {ablation.card.name}

{counts}

{_findings(ablation, seeds)}

Variants of N = {USUAL}:

{varied}"""


def _table(ablation: Ablation, ways: Sequence[Way]) -> str:
    rows = []
    for way in ways:
        line = ablation.lines[way.title]
        cells = [_with_seeds(line.means(metric), factor, digits) for metric, factor, digits in COLUMNS.values()]
        rows.append([line.way.title, *cells, f"{ablation.times[line.way.title]:.1f}"])
    return markdown_table(["", *COLUMNS, "time"], rows)


def _with_seeds(values: Sequence[float], factor: float, digits: int) -> str:
    mean = number(factor * mean_of(values), digits)
    return mean if len(values) < 2 or isnan(mean_of(values)) else f"{mean} ± {number(factor * deviation_of(values), digits)}"


def mean_of(values: Sequence[float]) -> float:
    """Return the mean over seeds."""
    return float(np.mean(values))


def deviation_of(values: Sequence[float]) -> float:
    """Return the standard deviation over seeds, as that of a sample; NaN of one seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else nan


def _findings(ablation: Ablation, seeds: int) -> str:
    """Return what the table says, in sentences."""

    def of(title: str, metric: str = "tom abs_rel") -> float:
        return mean_of(ablation.lines[title].means(metric))

    usual = SERIES["one random colour for all"][COUNTS.index(USUAL)].title
    plain, five = of(PLAIN), of(usual)
    others = [line.way.title for line in ablation.lines.values() if line.way.title != PLAIN]
    best = min(others, key=of)
    wins = _wins(ablation, usual)
    change, change_other = five / plain - 1, of(usual, "other abs_rel") / of(PLAIN, "other abs_rel") - 1
    words = [
        f"{USUAL} random colours change AbsRel on glass and mirrors by {change:+.0%} (from {plain:.3f} to {five:.3f}) and "
        f"elsewhere by {change_other:+.0%}; they are better than the plain prediction on {wins:.0%} of the views.",
        f"Lowest AbsRel on ToM of all lines: {best}, {of(best):.3f}.",
    ]
    one, most = (SERIES["one random colour for all"][COUNTS.index(count)].title for count in (COUNTS[0], COUNTS[-1]))
    steps = five - of(one), of(most) - five
    noise = deviation_of(ablation.lines[usual].means("tom abs_rel"))
    text = (
        f"From N = {COUNTS[0]} to {USUAL} the error changes by {steps[0]:+.4f}, from {USUAL} to {COUNTS[-1]} by {steps[1]:+.4f}"
    )
    words.append(text + ("." if isnan(noise) else f"; seeds differ by {noise:.4f} at N = {USUAL}."))
    across = [value for value in ablation.between[usual] if not isnan(value)]
    rank = of(usual, "rank")
    if not isnan(rank):
        text = f"Spread and error at N = {USUAL}: rank correlation {rank:.2f} within a view"
        words.append(text + (f", {np.mean(across):.2f} between views." if across else "."))
    on_tom, elsewhere = of(MERGED), of(MERGED, "other abs_rel")
    words.append(
        f"Laid into the plain prediction, as `leadline predict --tom-mask` does, they score {on_tom:.3f} on ToM and "
        f"{elsewhere:.3f} elsewhere."
    )
    if seeds < 2:
        words.append("One seed only: no spread over seeds can be told.")
    return "\n".join(f"* {sentence}" for sentence in words)


def _wins(ablation: Ablation, title: str) -> float:
    """Return the share of views, over all seeds, on which a way is better on ToM than the plain prediction."""
    plain = np.asarray(ablation.lines[PLAIN].values["tom abs_rel"])
    return float((np.asarray(ablation.lines[title].values["tom abs_rel"]) < plain).mean())


def draw(ablations: Sequence[Ablation], out: Path) -> None:
    """Write the plot: error, spread and time against N, a row for each network; bars are a standard deviation over seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(ablations), 3, figsize=(12.5, 0.5 + 3.3 * len(ablations)), squeeze=False)
    places = np.arange(len(COUNTS))
    for row, ablation in zip(axes, ablations, strict=True):
        for number_of, (series, ways) in enumerate(SERIES.items()):
            colour, shape = MARKS[series]
            for axis, metric, factor in ((row[0], "tom abs_rel", 1), (row[1], "spread", 100)):
                found = [ablation.lines[way.title].means(metric) for way in ways]
                heights = [factor * mean_of(values) for values in found]
                bars = [factor * np.nan_to_num(deviation_of(values)) for values in found]
                axis.errorbar(
                    places + 0.05 * (number_of - 1), heights, bars, color=colour, marker=shape, capsize=3, label=series
                )
            times = [ablation.times[way.title] for way in ways]
            row[2].plot(places, times, color=colour, marker=shape, label=series)
        for style, way in zip(("--", ":", "-."), SINGLE, strict=True):
            height = mean_of(ablation.lines[way.title].means("tom abs_rel"))
            row[0].axhline(height, color="#555555", linestyle=style, linewidth=1.2, label=way.title)
        for axis, title, what in zip(
            row,
            ("Error on glass and mirrors", "Spread over the colours, there", "Time of a picture"),
            ("AbsRel, lower is better", "% of the true disparity", "times a plain prediction"),
            strict=True,
        ):
            axis.set_title(f"{title}: {ablation.card.name}" if len(ablations) > 1 else title, fontsize=10)
            axis.set_ylabel(what, fontsize=9)
            axis.set_xlabel("N, colours", fontsize=9)
            axis.set_xticks(places, [str(count) for count in COUNTS])
            axis.grid(color="#dddddd", linewidth=0.6)
            axis.set_axisbelow(True)
        for axis in row[1:]:
            axis.set_ylim(bottom=0)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=3, fontsize=9, frameon=False)
    figure.tight_layout(rect=(0, 0.16 / len(ablations), 1, 1))
    with atomic_write(out) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)
