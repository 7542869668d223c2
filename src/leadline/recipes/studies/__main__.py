"""Run a study, a training in each of so many processes at a time, or write its page."""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.recipes.studies import distillation, losses, mixing, one_scalar, self_supervised, tom, tom_stereo
from leadline.recipes.studies.study import SEEDS, Study, missing, run_one
from leadline.runtime.malloc import keep_freed_memory

STUDIES: dict[str, Study | tom.TomStudy] = {study.name: study for study in (losses.STUDY, mixing.STUDY, tom.STUDY)}
_OWN = (tom_stereo.NAME, distillation.NAME, one_scalar.NAME, self_supervised.NAME)  # are run in a way of their own


def main() -> int:
    """Do what the command line says."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(prog="python -m leadline.recipes.studies", description=__doc__)
    parser.add_argument("action", choices=("run", "one", "page"))
    parser.add_argument("study", choices=sorted({*STUDIES, *_OWN}))
    parser.add_argument("--worlds", type=Path, default=Path("runs/worlds"), help="folder of rendered worlds")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with real samples")
    parser.add_argument("--runs", type=Path, default=Path("runs/studies"), help="folder of checkpoints and decoded views")
    parser.add_argument("--results", type=Path, default=Path("docs/results"), help="folder of pages and scores")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each on one core")
    parser.add_argument("--arm", help="of `one`")
    parser.add_argument("--segmenter", default="auto", help="of `tom` and `distillation`: finds glass, or sky")
    parser.add_argument(
        "--photos", type=Path, default=Path("../shared/data/unlabelled"), help="of `distillation`: without labels"
    )
    given = parser.parse_args()
    if given.study == distillation.NAME:
        return _distillation(given, given.results / "studies" / distillation.NAME)
    if given.study == tom_stereo.NAME:
        return _tom_stereo(given, given.results / "studies" / tom_stereo.NAME)
    if given.study == one_scalar.NAME:
        return _one_scalar(given, given.results / "studies" / one_scalar.NAME)
    if given.study == self_supervised.NAME:
        return _self_supervised(given, given.results / "studies" / self_supervised.FOLDER)
    study = STUDIES[given.study]
    out = given.results / "studies" / study.name
    if isinstance(study, tom.TomStudy):
        return _tom(study, given, out)
    if given.action == "page":
        from leadline.recipes.studies.page import write_page

        print(write_page(study, out, given.results / f"{study.name}.md"))
        return 0
    if given.action == "one":
        print(run_one(study, study.arm(given.arm), given.seeds[0], given.worlds, given.data, given.runs, out))
        return 0

    with ThreadPoolExecutor(given.jobs) as pool:
        failures = list(pool.map(lambda todo: _run_apart(given, todo[0].name, todo[1]), missing(study, given.seeds, out)))
    return int(any(failures))


def _tom(study: tom.TomStudy, given: argparse.Namespace, out: Path) -> int:
    """Do the same for the study whose arms start from one another."""
    from leadline.recipes.studies import tom_data, tom_page, tom_run

    folders = tom.Folders(given.worlds, given.data, given.runs, out)
    if given.action == "page":
        print(tom_page.write_page(study, out, given.results / f"{study.name}.md"))
        return 0
    if given.action == "one":
        print(tom_run.run_tom(study, study.arm(given.arm), given.seeds[0], folders, given.segmenter))
        return 0
    tom_data.prepare(study, folders)
    todo = tom_run.missing(study, given.seeds, out)
    return int(any(tom_run.run_in_order(todo, lambda arm, seed: _run_apart(given, arm, seed), given.jobs)))


def _tom_stereo(given: argparse.Namespace, out: Path) -> int:
    """Do the same for the stereo study: virtual depth once, then all bases, then what starts from them."""
    from leadline.recipes.studies import tom_stereo_page, tom_stereo_run

    folders = tom_stereo.Folders(given.worlds, given.runs, out)
    if given.action == "page":
        print(tom_stereo_page.write_page(out, given.results / f"{tom_stereo.NAME}.md"))
        return 0
    if given.action == "one":
        print(tom_stereo_run.run_arm(tom_stereo.arm_of(given.arm), given.seeds[0], folders))
        return 0
    print(f"virtual depth of {tom_stereo_run.write_virtual(folders)} pictures", flush=True)
    failures: list[int] = []
    for todo in tom_stereo_run.missing(given.seeds, out):
        with ThreadPoolExecutor(given.jobs) as pool:
            failures += pool.map(lambda item: _run_apart(given, item[0].name, item[1]), todo)
    return int(any(failures))


def _distillation(given: argparse.Namespace, out: Path) -> int:
    """Do the same for the study of students: their teacher first, once."""
    from leadline.recipes.studies import distillation_page, distillation_run
    from leadline.runtime.segmenter import load_segmenter

    study = distillation.STUDY
    folders = distillation_run.Folders(given.worlds, given.data, given.photos, given.runs, out)
    if given.action == "page":
        print(distillation_page.write_page(study, out, given.results / f"{study.name}.md"))
        return 0
    if given.action == "one":
        if given.arm == distillation.TEACHER:
            print(distillation_run.run_teacher(study, folders, load_segmenter(given.segmenter)))
        else:
            print(distillation_run.run_student(study, study.arm(given.arm), given.seeds[0], folders))
        return 0
    if not (out / f"{distillation.TEACHER}.0.json").exists() and _run_apart(given, distillation.TEACHER, 0):
        return 1
    with ThreadPoolExecutor(given.jobs) as pool:
        todo = distillation_run.missing(study, given.seeds, out)
        return int(any(pool.map(lambda item: _run_apart(given, item[0].name, item[1]), todo)))


def _one_scalar(given: argparse.Namespace, out: Path) -> int:
    """Do the same for the study of films of two cameras."""
    from leadline.recipes.studies import one_scalar_page, one_scalar_run

    folders = one_scalar.Folders(given.worlds, given.data, given.runs, out)
    if given.action == "page":
        print(one_scalar_page.write_page(out, given.results / f"{one_scalar.NAME}.md"))
        return 0
    if given.action == "one":
        print(one_scalar_run.run_arm(one_scalar.arm_of(given.arm), given.seeds[0], folders))
        return 0
    with ThreadPoolExecutor(given.jobs) as pool:
        todo = one_scalar_run.missing(given.seeds, out)
        return int(any(pool.map(lambda item: _run_apart(given, item[0].name, item[1]), todo)))


def _self_supervised(given: argparse.Namespace, out: Path) -> int:
    """Do the same for the study of films without truth: what stands alone, then what starts from it."""
    from leadline.recipes.studies import self_supervised_page, self_supervised_run

    folders = self_supervised.Folders(given.worlds, given.data, given.runs, out)
    if given.action == "page":
        print(self_supervised_page.write_page(out, given.results / f"{self_supervised.NAME}.md"))
        return 0
    if given.action == "one":
        print(self_supervised_run.run_arm(self_supervised.arm_of(given.arm), given.seeds[0], folders))
        return 0
    failures: list[int] = []
    for todo in self_supervised.missing(given.seeds, out):
        with ThreadPoolExecutor(given.jobs) as pool:
            failures += pool.map(lambda item: _run_apart(given, item[0].name, item[1]), todo)
    return int(any(failures))


def _run_apart(given: argparse.Namespace, arm: str, seed: int) -> int:
    """Run an arm in a process of its own, with a log; return its exit code."""
    command = [sys.executable, "-m", "leadline.recipes.studies", "one", given.study, "--arm", arm, "--seeds", str(seed)]
    for name in ("worlds", "data", "photos", "runs", "results", "segmenter"):
        command += [f"--{name}", str(getattr(given, name))]
    given.runs.mkdir(parents=True, exist_ok=True)
    with (given.runs / f"{given.study}-{arm}-{seed}.log").open("a") as log:
        failed = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    print(f"{arm} {seed}: {'failed, see ' + log.name if failed else 'done'}", flush=True)
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LeadlineError as error:
        sys.exit(f"error: {error}")
