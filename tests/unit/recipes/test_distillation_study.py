"""The study of distillation: what is trained on what, in which order, and what its page may claim."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.unit.labels.pictures_and_teachers import noise
from tests.unit.recipes.test_tom_study import write_world

from leadline.data.label_shards import LabelShards
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation import zero_shot
from leadline.recipes.studies import __main__ as command
from leadline.recipes.studies import distillation
from leadline.recipes.studies.distillation import LABELLED, STUDY, TAUGHT, Student, labels_folder
from leadline.recipes.studies.distillation_page import CLAIMS, write_page
from leadline.recipes.studies.distillation_run import Folders, missing, run_student, run_teacher, shrink_photos
from leadline.recipes.studies.study import HELD_OUT
from leadline.recipes.studies.thin_structures import thin_mask

SETS = ("world rooms", "TUM", "class all", "class tom", "class other", "class thin", "class edges")


def folders(root: Path) -> Folders:
    return Folders(root / "worlds", root / "data", root / "photos", root / "runs", root / "scores")


def test_arms_differ_in_what_they_say_and_see_the_same_number_of_pictures(tmp_path: Path) -> None:
    configs = {arm.name: STUDY.config(arm, 1, tmp_path / "worlds", tmp_path / "runs") for arm in STUDY.arms}
    assert len({str(config.data) + str(config.distillation) for config in configs.values()}) == len(configs)
    assert {(c.optimiser.steps, c.data.batch_size, c.seed) for c in configs.values()} == {(STUDY.steps, STUDY.batch_size, 1)}
    assert all(config.distillation.on and config.data.mixing == "parts" for config in configs.values())
    shards = f"shards:{labels_folder(tmp_path / 'runs')}"
    for arm in STUDY.arms:
        assert isinstance(arm, Student)
        data = configs[arm.name].data
        assert (shards in data.sources) == (arm.pictures != LABELLED)
        assert (len(data.sources) > 1) == (arm.pictures != TAUGHT)
        if arm.pictures not in (LABELLED, TAUGHT):
            assert data.weights[-1] == 2 * sum(data.weights[:-1])
    v1, v2 = configs["v1"].distillation, configs["pseudo"].distillation
    assert (v1.margin, v1.cutmix, v1.perturb, v1.gradient_weight, v1.ignored_share) == (0.85, 0.5, True, 0, 0)
    assert (v2.gradient_weight, v2.ignored_share, v2.cutmix) == (2, 0.1, 0)
    assert {name for claim in CLAIMS for name in claim[1:]} == set(configs)


def test_the_teacher_and_the_students_share_no_view_with_what_is_scored() -> None:
    assert not set(STUDY.sources) & {*HELD_OUT, distillation.SURFACES}


def test_a_pole_is_thin_and_a_wall_is_not() -> None:
    values = np.full((40, 60), 5.0, np.float32)
    values[:, 10:13] = 2.0  # 3 pixels wide
    values[10:30, 30:50] = 2.0
    values[:, 55:58] = 4.9  # hardly nearer
    thin = thin_mask(DepthMap(values, values < 4.95, METRIC_DEPTH))
    expected = np.zeros_like(thin)
    expected[:, 10:13] = True
    expected[:, 55:58] = True  # before the unknown, which is infinitely far
    np.testing.assert_array_equal(thin, expected)
    expected[:, 55:58] = False
    np.testing.assert_array_equal(thin_mask(DepthMap(values, None, METRIC_DEPTH)), expected)


def test_photos_are_shrunk_once_and_those_that_can_not_be_read_are_counted(tmp_path: Path) -> None:
    (tmp_path / "photos" / "a").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "photos" / "a" / "x.png"), noise(0, (400, 800)))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    for _ in range(2):
        assert shrink_photos(tmp_path / "photos", tmp_path / "out") == {"shrunk": 1, "unreadable": 1}
    assert cv2.imread(str(tmp_path / "out" / "a-x.jpg")).shape == (160, 320, 3)
    (tmp_path / "photos" / "a" / "x.png").unlink()
    with pytest.raises(LeadlineError, match=r"no photo that can be read in .*: give a folder of photos with --photos"):
        shrink_photos(tmp_path / "photos", tmp_path / "out")


def test_a_student_without_labels_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="run one distillation --arm teacher first"):
        run_student(STUDY, STUDY.arm("v1"), 0, folders(tmp_path))


def test_a_small_study_goes_from_worlds_and_photos_to_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate((*STUDY.sources, *HELD_OUT, distillation.SURFACES)):
        write_world(tmp_path / "worlds" / name, 1, glass=number > 3)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), noise(number, (48, 64)))
    real = {"abs_rel/TUM": 0.2, "delta1/TUM": 0.7, "abs_rel/mean": 0.2}
    monkeypatch.setattr(zero_shot, "make_zero_shot_validation", lambda root: lambda predictor: real)
    study = replace(STUDY, steps=1, teacher_steps=1, batch_size=3, teacher="leadline-tiny", student="leadline-tiny")
    at, before = folders(tmp_path), torch.get_num_threads()
    try:
        teacher = json.loads(run_teacher(study, at).read_text())
        path = run_student(study, study.arm("v1"), 0, at)
        changed = path.stat().st_mtime_ns
        assert run_student(study, study.arm("v1"), 0, at).stat().st_mtime_ns == changed
        assert run_teacher(study, at).stat().st_mtime_ns < changed
    finally:
        torch.set_num_threads(before)
    student = json.loads(path.read_text())
    assert teacher["labels"] == {"labelled": 3}
    assert teacher["photos"] == {"shrunk": 3, "unreadable": 0}
    assert LabelShards(labels_folder(at.runs), 64).open() == 3
    for record in (teacher, student):
        assert {"world rooms", "TUM", "class tom", "class other"} <= set(record["scores"])
        assert all(0 <= scores["delta1"] <= 1 for scores in record["scores"].values())
    left = {entry.name for entry in at.runs.iterdir()}
    assert left == {"cache", "distillation-labels", "distillation-photos", "distillation-teacher-network"}
    assert [(arm.name, seed) for arm, seed in missing(study, (0,), at.out)] == [
        (arm.name, 0) for arm in study.arms if arm.name != "v1"
    ]


def write_scores(folder: Path, delta1: dict[str, list[float]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for arm in STUDY.arms:
        for seed, value in enumerate(delta1.get(arm.name, [0.5, 0.5, 0.5])):
            scores = {name: {"abs_rel": 1 - value, "delta1": value} for name in SETS}
            (folder / f"{arm.name}.{seed}.json").write_text(json.dumps({"arm": arm.name, "seed": seed, "scores": scores}))
    record = {"minutes": 33.0, "labels": {"labelled": 1032}, "sky": "sky.v1", "scores": scores}
    (folder / "teacher.0.json").write_text(json.dumps({"arm": "teacher", "seed": 0, **record}))


def test_the_page_says_yes_only_where_every_seed_agrees_and_has_the_notes(tmp_path: Path) -> None:
    write_scores(
        tmp_path / "scores",
        {"pseudo": [0.7, 0.7, 0.7], "synthetic": [0.6, 0.65, 0.6], "pseudo-all": [0.8, 0.8, 0.71], "v1": [0.5, 0.6, 0.5]},
    )
    (tmp_path / "scores" / "notes.md").write_text("**What people say.**\n")
    page = write_page(STUDY, tmp_path / "scores", tmp_path / "docs" / "results" / "distillation.md").read_text()
    verdicts = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in page.splitlines() if line.count("|") == 11}
    assert verdicts["V2: pseudo only beats synthetic only"] == "yes"
    assert verdicts["V2: ignoring the worst tenth helps"] == "no, the reverse"
    assert verdicts["V1: strong perturbation helps"] == "not in every seed and metric"
    assert "0.700 ± 0.000" in page
    assert "What people say." in page
    assert "1,032 photos" in page
    assert (tmp_path / "docs" / "assets" / "study-distillation.png").is_file()
    (tmp_path / "scores" / "teacher.0.json").unlink()
    with pytest.raises(LeadlineError, match="no result of the teacher: run python -m leadline"):
        write_page(STUDY, tmp_path / "scores", tmp_path / "page.md")


def test_the_command_runs_the_teacher_before_any_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def run(given: object, arm: str, seed: int) -> int:
        asked.append((arm, seed))
        return 0

    monkeypatch.setattr(command, "_run_apart", run)
    words = ["studies", "run", "distillation", "--results", str(tmp_path), "--jobs", "1", "--seeds", "0", "1"]
    monkeypatch.setattr(sys, "argv", words)
    assert command.main() == 0
    assert asked == [("teacher", 0), *((arm.name, seed) for seed in (0, 1) for arm in STUDY.arms)]
