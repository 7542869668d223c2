"""A result as one HTML page that needs nothing beside it: tables, distributions, the worst and the best pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite, nan
from os import PathLike
from pathlib import Path
from typing import Any

from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.registry import get_dataset
from leadline.errors import LeadlineError
from leadline.evaluation.classes import ALL
from leadline.evaluation.direction import MAIN_METRICS, arrow, direction_of
from leadline.evaluation.figures import histogram_svg
from leadline.evaluation.page_style import SCRIPT, STYLE
from leadline.evaluation.pictures import Panel, panels_of
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.report import number
from leadline.evaluation.result import ModelRecord, Result, Row
from leadline.evaluation.spread import outliers, spread_of
from leadline.io.atomic import atomic_write
from leadline.predictor import ModelCard, Predictor

MOST_HISTOGRAMS = 6
_WIDE = 2.0  # width over height from which pictures get more room
_TROUBLES = {
    "failed": "of them failed",
    "skipped": "skipped",
    "upside_down": "fits upside down",
    "degenerate": "other poor fits",
}
# Nothing is fetched: the page's own style, script and pictures are all that a browser may use.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(
    result: Result,
    folder: str | PathLike[str],
    dataset: str | None = None,
    root: str | PathLike[str] | None = None,
    predictor: Predictor | None = None,
    pictures: int = 4,
) -> Path:
    """Write ``index.html`` into a folder and return its path; the file appears whole or not at all.

    Args:
        result: what to show.
        folder: made if it is missing.
        dataset, root: where the samples are read again for the pictures; None for those that the result names.
        predictor: predicts the chosen pictures again; without one the report has none, and says so.
        pictures: how many of the worst and how many of the best.

    Raises:
        LeadlineError: `pictures` is negative, the predictor is not the one that was scored, the data set can't be read, or the
            file can't be written.
    """
    if pictures < 0:
        raise LeadlineError(f"pictures {pictures}: expected 0 (none) or more")
    if predictor is not None:
        _refuse_another(predictor.card, result.model)
    path = Path(folder) / "index.html"
    name, place = dataset or result.dataset.name, result.dataset.root if root is None else root
    shown = _pictures(result, name, Path(place), predictor, pictures) if predictor is not None and pictures else None
    text = page(result, shown)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def page(result: Result, pictures: str | None = None) -> str:
    """Return the page.

    Args:
        result: what to show.
        pictures: the HTML of its pictures, None where there is no predictor.
    """
    title = f"{result.model.name} on {result.dataset.name}"
    sections = [
        _head(result, title),
        _class_table(result),
        _distributions(result),
        pictures or '<h2>Pictures</h2><p class="soft">None: the report was written without a predictor to draw them.</p>',
        _outliers(result),
        _images(result),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>{''.join(sections)}"
        f"<footer>leadline {escape(result.leadline)}, {escape(result.date)}</footer></main>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def main_metrics(result: Result) -> list[str]:
    """Return the metrics that are drawn: those that everyone looks at first, or the first ones of the result."""
    found = [name for name in MAIN_METRICS if name in result.metric_names]
    return (found or list(result.metric_names))[:MOST_HISTOGRAMS]


def ranked(result: Result) -> list[Row]:
    """Return the images that have a prediction and a value of the first main metric, the worst first."""
    metrics = main_metrics(result)
    if not metrics:
        return []
    worst_is_large = direction_of(metrics[0]) != "higher"
    rows = [row for row in result.scored if not row.failure and isfinite(_value(row, metrics[0]))]
    return sorted(rows, key=lambda row: _value(row, metrics[0]), reverse=worst_is_large)


def _refuse_another(card: ModelCard, model: ModelRecord) -> None:
    for what, mine, theirs in (
        ("name", card.name, model.name),
        ("kind", str(card.kind), model.kind),
        ("sha256", card.sha256, model.sha256),
    ):
        if mine != theirs:
            raise LeadlineError(
                f"a predictor of {what} {mine!r} for a result of {theirs!r}: its pictures would not be those that were scored; "
                "load that model, or give none"
            )


def _head(result: Result, title: str) -> str:
    protocol, counts = result.protocol, result.counts
    tiles = [(number(result.mean(name)), f"{name} {arrow(name)}", "tile") for name in main_metrics(result)[:3]]
    tiles.append((str(counts["scored"]), "images scored", "tile"))
    for what, small in _TROUBLES.items():
        tiles.append((str(counts[what]), small, "tile trouble" if counts[what] else "tile"))
    boxes = "".join(f'<div class="{of}"><b>{escape(big)}</b><span>{escape(small)}</span></div>' for big, small, of in tiles)
    about = str(protocol.get("title") or "")
    return (
        f'<h1>{escape(title)}</h1><p class="soft">protocol <b>{escape(str(protocol.get("name", "")))}</b> '
        f"<code>{escape(result.fingerprint)}</code>{' · ' + escape(about) if about else ''} · {escape(result.model.kind)}</p>"
        f'<div class="tiles">{boxes}</div>'
        + _fold("Protocol, every field", _fields(protocol))
        + _fold("Model, data set, machine", _fields(_record(result)))
        + _reasons("failed", "Failed images, scored as the protocol says", [(r.name, r.failure) for r in result.failures])
        + _reasons("skipped", "Skipped images, not scored", [(r.name, r.skipped) for r in result.skipped])
    )


def _record(result: Result) -> dict[str, Any]:
    model, dataset = result.model, result.dataset
    return {
        "model": model.name,
        "model's maps": model.kind,
        "model's sha256": model.sha256 or "none",
        "model's licence": model.licence,
        "data set": dataset.name,
        "root": dataset.root,
        "version": f"{dataset.version} (of the names of its {dataset.images} samples)",
        **result.machine,
    }


def _fold(title: str, content: str, opened: bool = False) -> str:
    return f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>{content}</details>"


def _fields(fields: Mapping[str, Any]) -> str:
    texts = {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in fields.items()}
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in texts.items())
    return f'<div class="scroll"><table class="fields"><tbody>{rows}</tbody></table></div>'


def _reasons(what: str, title: str, reasons: Sequence[tuple[str, str]]) -> str:
    """Return a fold-out of names by reason; few of them are shown open."""
    if not reasons:
        return ""
    by_reason: dict[str, list[str]] = {}
    for name, why in reasons:
        by_reason.setdefault(why, []).append(name)
    items = "".join(f"<li>{escape(why)}: <code>{escape(', '.join(names))}</code></li>" for why, names in by_reason.items())
    style = "bad" if what == "failed" else "soft"
    return _fold(f"{title} ({len(reasons)})", f'<ul class="{style}">{items}</ul>', len(reasons) <= 5)


def _class_table(result: Result) -> str:
    if not result.classes:
        return '<h2>Scores</h2><p class="bad">No image was scored.</p>'
    names = result.metric_names
    head = "".join(f"<th>{escape(name)} {arrow(name)}</th>" for name in names)
    rows = []
    for of in result.classes:
        seen = sum(row.pixels.get(of, 0) > 0 for row in result.scored)
        pixels = sum(row.pixels.get(of, 0) for row in result.scored)
        cells = "".join(f"<td>{number(result.metrics[of].get(name), 4)}</td>" for name in names)
        rows.append(f"<tr><td>{escape(of)}</td>{cells}<td>{seen}</td><td>{pixels:,}</td></tr>")
    averaging = {"per_image": "mean over the images that have pixels of the class", "pooled": "over the pixels of all images"}
    how = averaging.get(str(result.protocol.get("averaging")), str(result.protocol.get("averaging", "")))
    return (
        f'<h2>Scores by class of pixels</h2><div class="scroll"><table><thead><tr><th>class</th>{head}<th>images</th>'
        f'<th>pixels</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div><p class="soft">Averaged: {escape(how)}. '
        "↓ lower is better, ↑ higher is better. Classes may overlap.</p>"
    )


def _distributions(result: Result) -> str:
    figures = []
    for name in main_metrics(result):
        values = [value for value in result.values(name) if isfinite(value)]
        if not values:
            continue
        spread = spread_of(values)
        caption = (
            f"<b>{escape(name)}</b> {arrow(name)} &nbsp;median {number(spread.median)}, "
            f"quartiles {number(spread.q1)} and {number(spread.q3)}"
        )
        figures.append(f"<figure><figcaption>{caption}</figcaption>{histogram_svg(values, name)}</figure>")
    if not figures:
        return ""
    return (
        f'<h2>Image by image</h2><div class="figures">{"".join(figures)}</div><p class="soft">Number of images by score, class '
        f"{ALL}, failed ones included. Line: median. Band: the middle half. A bar of another colour at an end gathers images "
        "more than 3 interquartile ranges away.</p>"
    )


def _pictures(result: Result, dataset: str, root: Path, predictor: Predictor, count: int) -> str:
    """Return the worst and the best pictures, predicted again."""
    rows = ranked(result)
    worst = rows[: min(count, (len(rows) + 1) // 2)]
    best = rows[::-1][: min(count, len(rows) - len(worst))]
    reader, protocol = get_dataset(dataset), Protocol.from_dict(result.protocol)
    if not root.is_dir():
        raise LeadlineError(
            f"{str(root)!r} is not a folder: expected the root of {dataset}, whose pictures are drawn; give root="
        )
    metric = (main_metrics(result) or [""])[0]
    parts = []
    for title, chosen in (("Worst pictures", worst), ("Best pictures", best)):
        if chosen:
            cases = [_case(row, _panels(reader, root, row.name, predictor, protocol), result) for row in chosen]
            parts.append(f"<h2>{title} by {escape(metric)}</h2>{''.join(cases)}")
    if not parts:
        return '<h2>Pictures</h2><p class="soft">None: no image has a prediction and a score.</p>'
    failed = " Failed images have no prediction to show." if result.failures else ""
    remark = (
        '<p class="soft">Predicted again for this report, drawn at the size of the truth or smaller. Grey: no number, most '
        f"often no truth.{failed}</p>"
    )
    return "".join(parts) + remark


def _panels(reader: Dataset, root: Path, name: str, predictor: Predictor, protocol: Protocol) -> list[Panel]:
    try:
        return panels_of(reader.read(root, name), predictor, protocol)
    except LeadlineError as error:
        return [Panel(f"can't be read again: {error}")]


def _case(row: Row, panels: Sequence[Panel], result: Result) -> str:
    scores = " · ".join(f"{name} {number(_value(row, name))}" for name in main_metrics(result)[:4])
    note = f' <span class="bad">{escape(row.note)}</span>' if row.note else ""
    figures = "".join(
        f"<figure>{_image(panel)}{panel.legend}<figcaption>{escape(panel.title)}</figcaption></figure>" for panel in panels
    )
    return (
        f'<section class="case"><header><h3>{escape(row.name)}</h3><span class="soft">{escape(scores)}</span>{note}</header>'
        f'<div class="panels{" wide" if _is_wide(panels) else ""}">{figures}</div></section>'
    )


def _is_wide(panels: Sequence[Panel]) -> bool:
    """Whether the first picture is a panorama, such as a car's, which shows nothing when it is a fifth of the page wide."""
    h, w = panels[0].hw
    return w > _WIDE * h > 0


def _image(panel: Panel) -> str:
    h, w = panel.hw
    return f'<img src="{panel.uri}" width="{w}" height="{h}" alt="{escape(panel.title)}">' if panel.uri else ""


def _outliers(result: Result) -> str:
    parts = []
    for name in main_metrics(result):
        rows = [row for row in result.scored if isfinite(_value(row, name))]
        values = [_value(row, name) for row in rows]
        places = outliers(values)
        if not places:
            continue
        low, high = spread_of(values).fences
        direction = direction_of(name)
        listed = []
        for i in places[:: -1 if direction == "lower" else 1]:
            good = direction is not None and (values[i] < low) == (direction == "lower")
            listed.append(f"<li><code>{escape(rows[i].name)}</code> {number(values[i])}{' (better)' if good else ''}</li>")
        title = f"{name}: {len(places)} outside {number(low)} to {number(high)}"
        parts.append(_fold(title, f"<ul>{''.join(listed)}</ul>"))
    remark = "Images farther than 1.5 interquartile ranges from the middle half of all images (Tukey)."
    body = "".join(parts) or "<p>None.</p>"
    return f'<h2>Outliers</h2><p class="soft">{remark}</p>{body}'


def _images(result: Result) -> str:
    metrics, others = result.metric_names, [of for of in result.classes if of != ALL]
    first = (main_metrics(result) or [""])[0]
    heads = ["image", *(f"{name} {arrow(name)}".strip() for name in metrics), *(f"{first}, {of}" for of in others)]
    heads += ["pixels", "scale", "shift", "remark"]
    head = "".join(f'<th class="text">{escape(h)}</th>' if h in ("image", "remark") else f"<th>{escape(h)}</th>" for h in heads)
    rows = []
    for row in result.rows:
        values = [*(_value(row, name) for name in metrics), *(_value(row, first, of) for of in others)]
        cells = [_cell(value) for value in values]
        was_fitted = row.scale != 0 and not row.failure
        cells += [
            _cell(row.pixels.get(ALL, nan), "d"),
            *(_cell(v if was_fitted else nan, ".4g") for v in (row.scale, row.shift)),
        ]
        remark = f"failed: {row.failure}" if row.failure else f"skipped: {row.skipped}" if row.skipped else row.note
        style = ' class="text bad"' if row.failure else ' class="text"'
        rows.append(f"<tr><td>{escape(row.name)}</td>{''.join(cells)}<td{style}>{escape(remark)}</td></tr>")
    return (
        f'<h2>All images</h2><p class="soft">Press a heading to sort.</p><div class="scroll tall"><table class="sortable">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(value: float, form: str = ".4f") -> str:
    """Return a cell that sorts by the number itself, not by the digits shown."""
    return f'<td data-v="{value!r}">{value:{form}}</td>' if isfinite(value) else '<td data-v="">–</td>'


def _value(row: Row, metric: str, of: str = ALL) -> float:
    return row.metrics.get(of, {}).get(metric, nan)
