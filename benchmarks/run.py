"""Run every benchmark and write docs/results/speed.md from the JSON files in benchmarks/results.

    python -m benchmarks.run            # all, then the page
    python -m benchmarks.run --page     # the page alone, from the newest results

Close other programs first: the contestants of one benchmark take turns, so a busy machine slows all alike, but less evenly.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = ("startup", "training_step", "predict_folder")
RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "results" / "speed.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only write the page")
    if not parser.parse_args().page:
        for name in BENCHMARKS:
            print(f"== {name}", flush=True)
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
    PAGE.write_text(page({name: json.loads((RESULTS / f"{name}.json").read_text()) for name in BENCHMARKS}))
    print(PAGE)


def page(records: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    folder, step, startup = (records[name] for name in ("predict_folder", "training_step", "startup"))
    photos, made = folder["settings"]["photos"], folder["results"]
    eight = [(n, "transformers_pipeline", t) for n, t in (("leadline_8bit_fp32", "2"), ("leadline_8bit_bf16", "3.5"))]
    sixteen = [(n, "midas_script", t) for n, t in (("leadline_16bit_fp32", "-"), ("leadline_16bit_bf16", "3.5"))]
    lines = [
        "# Speed",
        "",
        "Ratios, measured side by side: the contestants take turns in one run, and a ratio is the median of those within each",
        "round. Written by `python -m benchmarks.run`; the JSON files with commit and hardware are in `benchmarks/results`.",
        "",
        "## A folder of photos",
        "",
        f"{photos} JPEGs of 12 megapixels; Depth Anything V2 Small's architecture with random weights at 686 x 518, the same",
        f"network for all; {folder['settings']['rounds']} rounds. To an 8-bit map at the photo's size, against transformers'",
        "depth-estimation pipeline in a loop; to a 16-bit PNG at the photo's size, against a script in the manner of MiDaS's",
        "run.py (which also writes a PFM).",
        "",
        "| contestant | ms a photo | times as fast | target |",
        "| --- | --- | --- | --- |",
    ]
    for base, rows in (("transformers_pipeline", eight), ("midas_script", sixteen)):
        lines.append(f"| `{base}` | {_ms(made[base], photos)} | 1 | |")
        lines += [
            f"| `{name}` | {_ms(made[name], photos)} | {made[name][f'speedup_over_{against}']:.2f} | {target} |"
            for name, against, target in rows
        ]
    lines += [
        "",
        "Overlap: the same work on one core, divided by the cores, is the time that no overlap can beat.",
        "",
        "| precision | bound, s | share of the bound reached | target |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name.removeprefix('overlap_')} | {row['bound_s']:.2f} | {row['share_of_bound']:.2f} | 0.90 |"
        for name, row in made.items()
        if name.startswith("overlap_")
    ]
    lines += [
        "",
        "## A training step",
        "",
        f"leadline-s, batch of {step['settings']['batch_size']} at 256 x 256, {step['settings']['rounds']} rounds, against a",
        "naive loop: planar float32, batch normalisation in training mode, the loss image by image at full resolution.",
        "leadline's loop freezes the encoder's first stages, computes in bf16 and looks at every second pixel in its loss.",
        "",
        "| contestant | images a second | times as fast | target |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{name}` | {row['items_per_s']:.1f} | {row['speedup_over_naive']:.2f} | {'' if name == 'naive' else '3'} |"
        for name, row in step["results"].items()
    ]
    answer = startup["results"]["leadline_help"]
    ratio = 1 / answer["speedup_over_import_numpy"]
    lines += [
        "",
        "## The command line",
        "",
        f"`leadline --help` takes {1000 * answer['median_s']:.0f} ms, {ratio:.2f} times as long as",
        '`python -c "import numpy"` (target: at most 2).',
        "",
        "## Where",
        "",
    ]
    lines += [
        f"* {name}: commit {record['commit'][:10]}, {record['date']}, {record['cpu']}, {record['cores']} cores"
        f" ({', '.join(record['cpu_flags'])}), load before {record['load_before']:.1f}"
        for name, record in records.items()
    ]
    return "\n".join(lines) + "\n"


def _ms(row: dict[str, float], photos: int) -> str:
    return f"{1000 * row['median_s'] / photos:.0f}"


if __name__ == "__main__":
    main()
