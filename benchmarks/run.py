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

BENCHMARKS = ("startup", "losses", "training_step", "predict_folder", "pareto", "evaluate", "label_job", "serve_load")
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
    lines += _labels(records["label_job"])
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
    loss = records["losses"]
    lines += [
        "",
        "## A loss",
        "",
        f"MiDaS's loss, trimmed residuals and gradients on four scales, of {loss['settings']['batch_size']} maps of"
        f" {loss['settings']['side']} x {loss['settings']['side']}, forward and backward,",
        "against a loop over images with a sort; values and gradients are equal within"
        f" {max(loss['settings'][f'largest_difference_of_{what}'] for what in ('values', 'gradients')):.0e}.",
        "`_malloc`: both with the command line's memory setting.",
        "",
        "| contestant | ms a batch | times as fast | target |",
        "| --- | --- | --- | --- |",
    ]
    for base, ours in (("reference", "leadline"), ("reference_malloc", "leadline_malloc")):
        lines.append(f"| `{base}` | {1000 * loss['results'][base]['median_s']:.0f} | 1 | |")
        row = loss["results"][ours]
        lines.append(f"| `{ours}` | {1000 * row['median_s']:.0f} | {row[f'speedup_over_{base}']:.2f} | 2.5 |")
    pareto = records["pareto"]
    lines += [
        "",
        "## Pareto mixing",
        "",
        f"A training step of leadline-s on {sum(pareto['settings']['views'])} views of {len(pareto['settings']['views'])} data"
        f" sets, bf16, {pareto['settings']['rounds']} rounds, CPU time, threads: {pareto['settings']['threads']}. `sum` is one"
        " forward and one backward pass; `sum_apart` has a forward pass for each data set, and `pareto` mixes what that gives;"
        " `pareto_one_graph` takes all gradients through one graph; `pareto_shared` weighs by gradients in the prediction.",
        "",
        "| contestant | seconds a step | times as long as the sum |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| `{name}` | {row['median_s']:.2f} | {1 / row['speedup_over_sum']:.2f} |" for name, row in pareto["results"].items()
    ]
    lines += _evaluation(records["evaluate"])
    lines += _serving(records["serve_load"])
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


def _labels(record: dict[str, Any]) -> list[str]:
    settings, made = record["settings"], record["results"]
    lines = [
        "",
        "## Labels for a folder of photos",
        "",
        f"`leadline label teacher`: {settings['photos']} JPEGs of 1.2 megapixels, one network, {settings['rounds']} rounds.",
        "The pipeline in a loop saves an 8-bit PNG at the photo's size; the job plans the folder and writes a tar of 16-bit",
        "PNGs at the network's size, a manifest and its checksums. Bound: the job's time on one core, divided by the cores.",
        "",
        "| contestant | ms a photo | times as fast | target | share of the bound reached | target |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in ("transformers_loop", "label_job_fp32", "label_job_bf16", "ray_job_fp32"):
        row, overlap = made[name], made.get(f"overlap_{name.removeprefix('label_job_')}")
        share = f"{overlap['share_of_bound']:.2f} | 0.90" if overlap else "|"
        target = "2.5" if name.startswith("label") else ""
        speed = row["speedup_over_transformers_loop"]
        lines.append(f"| `{name}` | {_ms(row, settings['photos'])} | {speed:.2f} | {target} | {share} |")
    ray = made["ray"]
    return [
        *lines,
        "",
        f"Ray on one machine takes {ray['time_over_local']:.2f} times as long as the local engine, and"
        f" {ray['worker_ready_after_s']:.1f} s before, until its worker is ready.",
    ]


def _evaluation(record: dict[str, Any]) -> list[str]:
    settings, made = record["settings"], record["results"]
    about = {
        "script": "fits at the masked pixels; aligns, clips and inverts the whole map",
        "script_gathered": "a careful script: nothing computed without truth",
        "leadline": "what the runner does with a sample",
        "leadline_numpy": "the same without numba",
        "leadline_from_arrays": "and the two depth maps made from arrays",
    }
    workloads = (("sparse", "375 x 1242, truth at 5 % of the pixels", "6"), ("dense", "480 x 640, truth everywhere", "4"))
    lines = [
        "",
        "## Scoring with scale and shift fitted to each image",
        "",
        f"Protocol `{settings['protocol']}` with its nine metrics, {settings['repeats']} passes over",
        f"{settings['images']} images in memory a turn, one thread, {settings['rounds']} rounds, CPU seconds; against NumPy",
        "scripts with `numpy.linalg.lstsq`",
        "that give the same numbers",
        f"(largest difference {max(row['largest_difference'] for row in made.values() if 'largest_difference' in row):.0e}).",
    ]
    for workload, title, target in workloads:
        lines += ["", f"| {title} | ms an image | times as fast | target | |", "| --- | --- | --- | --- | --- |"]
        for name, what in about.items():
            row = made[f"{workload}_{name}"]
            goal = target if name == "leadline" else ""
            lines.append(f"| `{name}` | {1000 / row['items_per_s']:.2f} | {row['speedup_over_script']:.2f} | {goal} | {what} |")
    if "report" in made:
        row = made["report"]
        lines += [
            "",
            f"`leadline evaluate --predictions ... --report` on {settings['report_images']} images of 375 x 1242 (pictures of",
            f"{row['picture_kb']} kB, predictions in 16-bit PNGs of {row['prediction_kb']} kB, truth at 5 % of the pixels):",
            f"{row['median_s']:.0f} s on {record['cores']} cores, {row['cpu_s']:.0f} s of CPU time (medians of"
            f" {len(row['seconds'])}),",
            f"beside other programs at a load of {row['load']:.0f}; the target is well under a minute on two cores.",
        ]
    return lines


def _serving(record: dict[str, Any]) -> list[str]:
    settings, made = record["settings"], record["results"]
    server, bare, clients, memory = (made[name] for name in ("server", "bare", "clients", "memory"))
    overload, checks = made["overload"], made["checks"]
    refused = ", ".join(f"{count} times {status}" for status, count in sorted(overload["statuses"].items()))
    return [
        "",
        "## A server under load",
        "",
        f"{settings['clients']} clients for {settings['seconds']:g} s on loopback, each with its own picture (JPEG, longer side"
        f" {settings['side']}), `{settings['model']}`, float32",
        f"replies; in {settings['rounds']} rounds, by turns with the bare runtime, which does the same decoding, predicting and"
        " encoding.",
        "The clients run on the same cores.",
        "",
        "| | measured | target |",
        "| --- | --- | --- |",
        f"| pictures a second, server | {server['pictures_per_s']:.1f} | |",
        f"| pictures a second, bare runtime | {bare['pictures_per_s']:.1f} | |",
        f"| share of the bare runtime's throughput, median of the rounds | {server['share_of_bare']:.2f} | 0.85 |",
        f"| the clients' share of the processor time | {clients['cpu_share']:.2f} | |",
        f"| latency in s with all clients at once: p50, p99 | {clients['p50_s']:.1f}, {clients['p99_s']:.1f} | |",
        f"| wrong answers of {checks['compared']} compared | {checks['wrong']} | 0 |",
        f"| statuses other than 200, 429 and 503 | {checks['other_statuses']} | 0 |",
        f"| memory after the first quarter and at the end, MB | {memory['after_warm_up_mb']:.0f},"
        f" {memory['at_the_end_mb']:.0f} | |",
        f"| growth in between | {100 * memory['growth']:.1f} % | 10 % |",
        "",
        f"With {overload['clients']} clients at once, more than the queue takes: {refused}; refusals without a Retry-After:"
        f" {overload['without_retry_after']}.",
    ]


def _ms(row: dict[str, float], photos: int) -> str:
    return f"{1000 * row['median_s'] / photos:.0f}"


if __name__ == "__main__":
    main()
