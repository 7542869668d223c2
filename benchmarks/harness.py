"""Timing side by side: contestants take turns, medians are compared, and the result says where it was measured."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "torch", "onnxruntime", "openvino", "opencv-python-headless", "transformers", "av", "leadline")


def interleaved(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of each contestant's `rounds` calls; they take turns, so that a slow minute hits all alike."""
    for _ in range(warmup):
        for run in contestants.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            started = clock()
            run()
            seconds[name].append(clock() - started)
    return seconds


def summary(seconds: Mapping[str, list[float]], against: str, items: int = 1) -> dict[str, dict[str, float]]:
    """Return median, quartiles, items a second and the speed-up over `against`: the median of the ratios within each round."""
    result = {}
    for name, values in seconds.items():
        low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        ratios = [base / own for base, own in zip(seconds[against], values, strict=True)]
        result[name] = {
            "median_s": median,
            "quartiles_s": [low, high],  # type: ignore[dict-item]
            "items_per_s": items / median,
            f"speedup_over_{against}": statistics.median(ratios),
        }
    return result


def surroundings() -> dict[str, Any]:
    """Return commit, hardware and package versions."""
    return {
        "commit": _git(),
        "date": time.strftime("%Y-%m-%d"),
        "cpu": _cpu_name(),
        "cpu_flags": [flag for flag in ("avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if flag in _cpu_info()],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def report(name: str, settings: Mapping[str, Any], results: Mapping[str, Any], out: Path | None) -> None:
    """Print a result and write it as JSON to `out` (a file, or a folder; ``benchmarks/results/NAME.json`` by default)."""
    record = {"benchmark": name, "settings": dict(settings), "results": dict(results), **surroundings()}
    folder = Path(__file__).parent / "results" if out is None else out
    path = folder / f"{name}.json" if out is None or out.is_dir() else out
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(json.dumps(record, indent=2) + "\n")
    temporary.replace(path)
    for contestant, numbers in results.items():
        print(contestant, {key: round(value, 4) if isinstance(value, float) else value for key, value in numbers.items()})
    print(path)


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes: --rounds, --threads and --out."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    return parser


def _git() -> str:
    def git(*args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu_info() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def _cpu_name() -> str:
    names = [line.partition(":")[2].strip() for line in _cpu_info().splitlines() if line.startswith("model name")]
    return names[0] if names else f"{platform.processor() or platform.machine()} ({sys.platform})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
