"""The page of the stereo study of virtual labels: every score from its files, means over seeds with their spread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table
from leadline.io.atomic import atomic_write
from leadline.recipes.studies.tom_stereo import ARMS, BASE, HELD_OUT, NAME, NETWORKS, OPAQUE, SGM, SHAPES, TOM, StereoArm

METRICS = {"bad_2": "bad 2", "bad_4": "bad 4", "bad_6": "bad 6", "bad_8": "bad 8", "epe": "MAE, px", "rms": "RMSE, px"}
CLASSES = {"all": "All", "tom": "ToM", "other": "Other"}

Records = dict[str, dict[int, dict[str, Any]]]


def write_page(folder: Path, out: Path) -> Path:
    """Write the page; return its file.

    Args:
        folder: of the scores.
        out: Markdown file.

    Raises:
        LeadlineError: no base has a result.
    """
    found: Records = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(record["arm"], {})[int(record["seed"])] = record
    arms = [arm for arm in ARMS if arm.name in found]
    if not any(arm.role == BASE and arm.network != SGM for arm in arms):
        raise LeadlineError(f"{folder} has no result of a base: run python -m leadline.recipes.studies run {NAME} first")
    with atomic_write(out) as temporary:
        temporary.write_text(_text(arms, found, folder), encoding="utf-8")
    return out


def _text(arms: list[StereoArm], found: Records, folder: Path) -> str:
    notes = folder / "notes.md"
    tables = "\n".join(f"## {title}\n\n{_table(arms, found, of)}\n" for of, title in CLASSES.items())
    plans = ";\n".join(
        f"{plan.title} (`{plan.architecture}`): {plan.steps} steps at {plan.lr:g}, "
        f"then {plan.finetune_steps} at {plan.lr / 5:g}"
        for plan in NETWORKS.values()
    )
    return f"""# Stereo networks on glass and mirrors

Depth4ToM (arXiv 2307.15052, section 3.2) fine-tunes stereo networks on their own disparity with monocular virtual depth laid
into it on transparent and mirror (ToM) surfaces. Here on a rendered world that neither training saw, whose truth is exact.

{tables}
Means over seeds ± standard deviation; each score is the mean over the pictures that show the class. Bad is the share of pixels
off by more than so many pixels of a picture of 256 x 192.

## What changed

{_changes(arms, found)}
{notes.read_text(encoding="utf-8") if notes.exists() else ""}
## How

A base never saw glass: it is trained on drawn pairs and on `{OPAQUE}`.
`{TOM}` gives pictures and masks to fine-tune on, never its truth.
Batches of 4 crops of {" and ".join(f"{h} x {w}" for h, w in SHAPES)}.
{plans}.

```sh
how="--stereo --size 256 192 --samples 8 --assets runs/assets"
leadline synth tom-held-out --count 100 --views-per-scene 2 --seed 1 $how --out runs/worlds/{HELD_OUT}
leadline synth tom --count 200 --views-per-scene 4 --seed 1 $how --out runs/worlds/{TOM}
leadline synth tom --opaque --count 120 --views-per-scene 4 --seed 6 $how --out runs/worlds/{OPAQUE}
python -m leadline.recipes.studies run  {NAME}
python -m leadline.recipes.studies page {NAME}
```
"""


def _values(found: Records, arm: StereoArm, of: str, metric: str) -> NDArray[np.float64]:
    return np.array([record["scores"][of].get(metric, np.nan) for _, record in sorted(found[arm.name].items())])


def _table(arms: list[StereoArm], found: Records, of: str) -> str:
    rows = [[arm.title, *(_spread(_values(found, arm, of, metric), metric) for metric in METRICS)] for arm in arms]
    return markdown_table(["", *METRICS.values()], rows)


def _changes(arms: list[StereoArm], found: Records) -> str:
    """Return the change against the base of the same seed, a line for each seed."""
    rows = []
    for arm in arms:
        base = found.get(f"{arm.network}-{BASE}", {})
        for seed in sorted(set(found[arm.name]) & set(base)) if arm.role != BASE else ():
            row = [f"{arm.title}, seed {seed}"]
            for of in ("tom", "other"):
                for metric in ("bad_2", "rms"):
                    before, after = (r[seed]["scores"][of].get(metric, np.nan) for r in (base, found[arm.name]))
                    row.append(f"{100 * (after / before - 1):+.1f} %")
            rows.append(row)
    if not rows:
        return "No arm but the bases has a result yet.\n"
    return markdown_table(["", "ToM bad 2", "ToM RMSE", "Other bad 2", "Other RMSE"], rows) + "\n"


def _spread(values: NDArray[np.float64], metric: str) -> str:
    digits = 3 if metric.startswith("bad") else 2
    middle = f"{values.mean():.{digits}f}"
    return f"{middle} ± {values.std(ddof=1):.{digits}f}" if values.size > 1 else middle
