"""Run a study, a training in each of so many processes at a time, or write its page."""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.recipes.studies import losses, mixing
from leadline.recipes.studies.study import SEEDS, missing, run_one

STUDIES = {study.name: study for study in (losses.STUDY, mixing.STUDY)}


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m leadline.recipes.studies", description=__doc__)
    parser.add_argument("action", choices=("run", "one", "page"))
    parser.add_argument("study", choices=sorted(STUDIES))
    parser.add_argument("--worlds", type=Path, default=Path("runs/worlds"), help="folder of rendered worlds")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with real samples")
    parser.add_argument("--runs", type=Path, default=Path("runs/studies"), help="folder of checkpoints and decoded views")
    parser.add_argument("--results", type=Path, default=Path("docs/results"), help="folder of pages and scores")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each on one core")
    parser.add_argument("--arm", help="of `one`")
    given = parser.parse_args()
    study = STUDIES[given.study]
    out = given.results / "studies" / study.name
    if given.action == "page":
        from leadline.recipes.studies.page import write_page

        print(write_page(study, out, given.results / f"{study.name}.md"))
        return 0
    if given.action == "one":
        print(run_one(study, study.arm(given.arm), given.seeds[0], given.worlds, given.data, given.runs, out))
        return 0

    def train(arm: str, seed: int) -> int:
        command = [sys.executable, "-m", "leadline.recipes.studies", "one", study.name, "--arm", arm, "--seeds", str(seed)]
        for name in ("worlds", "data", "runs", "results"):
            command += [f"--{name}", str(getattr(given, name))]
        given.runs.mkdir(parents=True, exist_ok=True)
        with (given.runs / f"{study.name}-{arm}-{seed}.log").open("a") as log:
            failed = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
        print(f"{arm} {seed}: {'failed, see ' + log.name if failed else 'done'}", flush=True)
        return failed

    with ThreadPoolExecutor(given.jobs) as pool:
        failures = list(pool.map(lambda todo: train(todo[0].name, todo[1]), missing(study, given.seeds, out)))
    return int(any(failures))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LeadlineError as error:
        sys.exit(f"error: {error}")
