"""Studies: what is trained, what is left to do, and what a page may claim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.errors import LeadlineError
from leadline.recipes.studies import losses, mixing
from leadline.recipes.studies.page import write_page
from leadline.recipes.studies.study import Study, missing

SETS = ("world rooms", "world street", "TUM", "NYU")


def write_scores(study: Study, folder: Path, delta1: dict[str, list[float]]) -> None:
    """Files of scores as a study leaves them; every set has the same."""
    folder.mkdir(parents=True, exist_ok=True)
    for arm in study.arms:
        for seed, value in enumerate(delta1.get(arm.name, [0.5, 0.5, 0.5])):
            scores = {name: {"abs_rel": 1 - value, "delta1": value} for name in SETS}
            (folder / f"{arm.name}.{seed}.json").write_text(json.dumps({"arm": arm.name, "seed": seed, "scores": scores}))


@pytest.mark.parametrize("study", [losses.STUDY, mixing.STUDY], ids=lambda study: study.name)
def test_every_arm_is_a_configuration_of_its_own_with_the_same_number_of_pictures(study: Study, tmp_path: Path) -> None:
    configs = [study.config(arm, 1, tmp_path, tmp_path / "runs") for arm in study.arms]
    assert len({config.run_dir for config in configs}) == len(configs)
    assert {(config.optimiser.steps, config.data.batch_size, config.seed) for config in configs} == {
        (study.steps, study.batch_size, 1)
    }
    assert all(source.startswith(str(tmp_path)) for config in configs for source in config.data.sources)
    assert len({str(config.loss) + str(config.optimiser) + str(config.data) + str(config.model) for config in configs}) == len(
        configs
    )


def test_what_is_missing_is_done_seed_by_seed(tmp_path: Path) -> None:
    study = losses.STUDY
    write_scores(study, tmp_path, {study.arms[0].name: [0.5]})
    (tmp_path / f"{study.arms[1].name}.2.json").unlink()
    todo = [(arm.name, seed) for arm, seed in missing(study, (0, 1, 2), tmp_path)]
    assert todo == [(study.arms[0].name, 1), (study.arms[0].name, 2), (study.arms[1].name, 2)]


def test_a_page_says_yes_only_where_every_seed_agrees(tmp_path: Path) -> None:
    study = mixing.STUDY
    write_scores(
        study, tmp_path / "scores", {"naive": [0.7, 0.7, 0.7], "pareto": [0.71, 0.69, 0.72], "naive-random": [0.8, 0.8, 0.9]}
    )
    page = write_page(study, tmp_path / "scores", tmp_path / "docs" / "results" / "mixing.md").read_text()
    lines = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in page.splitlines() if line.count("|") == 7}
    assert lines["the naive mix beats the best single source"] == "yes"
    assert lines["Pareto beats naive"] == "not in every seed and metric"
    assert lines["a pretrained encoder beats a random one"] == "no, the reverse"
    assert "0.707 ± 0.015" in page
    assert (tmp_path / "docs" / "assets" / "study-mixing.png").is_file()


def test_seeds_that_not_every_arm_has_are_left_out(tmp_path: Path) -> None:
    study = mixing.STUDY
    write_scores(study, tmp_path / "scores", {"naive": [0.7]})
    page = write_page(study, tmp_path / "scores", tmp_path / "docs" / "results" / "mixing.md").read_text()
    assert "Mean over seeds 0 ±" in page


def test_a_study_without_results_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"run python -m leadline\.recipes\.studies run losses first"):
        write_page(losses.STUDY, tmp_path, tmp_path / "page.md")
    with pytest.raises(LeadlineError, match="expected one of ssi-trim-gradient"):
        losses.STUDY.arm("l2")
