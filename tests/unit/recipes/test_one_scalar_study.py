"""The study of one scalar: what it trains on, how it scores, and what its page may claim."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.data.small_films import HW, slide

from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene
from leadline.errors import LeadlineError
from leadline.recipes.studies import one_scalar, one_scalar_page, one_scalar_run
from leadline.recipes.studies.one_scalar import ARMS, Domain, Folders, Pair, Plan, Scenes, arm_of, config_of
from leadline.training.config import ModelConfig

TINY = Plan(
    ModelConfig(architecture="monodepth2-tiny", imagenet=False, frozen_stages=0),
    ModelConfig(architecture="leadline-tiny", imagenet=False, frozen_stages=0, head="sigmoid"),
    steps=2, batch_size=2, scored=3, scale_pictures=3, scale_steps=2,
)  # fmt: skip
FOCALS = {"wide": 40.0, "narrow": 80.0}
FOLDERS = ("worlds", "data", "runs", "scores")


def write_slope(root: Path, focal_px: float, frames: int = 12) -> None:
    """A film along a wall that comes nearer to the right, so that its depth is not one number."""
    depth = np.tile(np.linspace(6, 2, HW[1], dtype=np.float32), (HW[0], 1))
    zeros, flat = np.zeros(HW, np.uint8), np.zeros((*HW, 3), np.float32)
    k = np.array([[focal_px, 0, HW[1] / 2], [0, focal_px, HW[0] / 2], [0, 0, 1]])
    views = [
        StoredView(picture, depth, flat, zeros, zeros.astype(np.uint16), zeros > 0, k, np.eye(4), extra={"frame": i})
        for i, picture in enumerate(slide(frames))
    ]
    write_dataset(root, {"world": "slope"})
    write_scene(root, "s0", views)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    domains = {}
    for name, focal_px in FOCALS.items():
        write_slope(tmp_path / "worlds" / name, focal_px)
        write_slope(tmp_path / "worlds" / f"{name}-held-out", focal_px)
        domains[name] = Domain(name, name, (Scenes("leadline", f"{name}-held-out"),))
    pair = Pair("worlds", "Two cameras", domains["wide"], domains["narrow"], (32, 64))
    arms = tuple(replace(arm, pair=pair) for arm in ARMS if arm.pair.name == "worlds")
    for module in (one_scalar, one_scalar_run, one_scalar_page):
        monkeypatch.setattr(module, "ARMS", arms)
    monkeypatch.setattr(one_scalar_page, "PAIRS", (pair,))
    return Folders(*(tmp_path / name for name in FOLDERS))


def test_two_arms_are_trained_scored_and_written_up(folders: Folders) -> None:
    aligned, own = (
        json.loads(one_scalar_run.run_arm(arm_of(name), 0, folders, TINY).read_text()) for name in ("aligned", "own")
    )
    focals = [aligned["domains"][domain]["focal_px"] for domain in ("source", "target")]
    assert focals[1] / focals[0] == pytest.approx(1, abs=0.01)
    assert own["domains"]["target"]["focal_px"] == pytest.approx(2 * own["domains"]["source"]["focal_px"])
    assert set(own["transfer"]) == set(one_scalar_page.ESTIMATORS)
    assert all(record["domains"]["target"]["images"] == 3 for record in (aligned, own))
    assert list(folders.runs.iterdir()) == [folders.runs / "cache"]  # runs are removed at their end
    before = (folders.out / "own.0.json").read_text()
    one_scalar_run.run_arm(arm_of("own"), 0, folders, TINY)  # done already: not again
    assert (folders.out / "own.0.json").read_text() == before
    assert [arm.name for arm, _ in one_scalar_run.missing((0,), folders.out)] == [
        "source", "truth", "longer", "truth-longer",
    ]  # fmt: skip
    bound = json.loads(one_scalar_run.run_arm(arm_of("truth"), 0, folders, TINY).read_text())
    assert bound["domains"]["target"]["images"] == 3

    (folders.out / "notes.md").write_text("What it means.\n")
    page = one_scalar_page.write_page(folders.out, folders.out.parent / "docs" / "results" / "one_scalar.md").read_text()
    assert "What it means." in page
    assert "Not run: source, longer, truth-longer." in page
    assert "+100.0" in page  # the focal lengths of the control
    assert (folders.out.parent / "docs" / "assets" / "study-one_scalar-worlds.png").is_file()


def test_no_arm_trains_on_what_it_is_scored_on_and_halves_are_the_domains(tmp_path: Path) -> None:
    folders = Folders(*(tmp_path / name for name in FOLDERS))
    for arm in ARMS:
        data = config_of(arm, 0, folders, 50.0 if arm.aligned else None).data
        scored = {str(folders.scenes(s)) for domain in (arm.pair.source, arm.pair.target) for s in domain.scored}
        assert not {source.removeprefix("video:") for source in data.sources} & scored
        assert len(data.sources) == 1 + arm.mixed
        assert not arm.supervised or data.sources == (folders.films(arm.pair.target),)
        assert data.mixing == "equal"
        assert (data.video.field_of_view, data.video.fov_deg) == (("common", 50.0) if arm.aligned else ("own", 0.0))
        assert config_of(arm, 0, folders, None).optimiser.steps == one_scalar.PLAN.steps * (2 if "longer" in arm.name else 1)
    assert len({config_of(arm, 0, folders, None).run_dir for arm in ARMS}) == len(ARMS)


def record(arm: str, seed: int, source: float, target: float, abs_rel: float) -> dict[str, object]:
    """A record as a training leaves it, with factors of the two domains and an error."""

    def domain(factor: float) -> dict[str, object]:
        return {
            "images": 3, "failed": 0, "focal_px": 80.0, "r2": 0.95, "r2_near": 0.97, "r2_disparity": 0.98, "r2_origin": 0.94,
            "image_r2": 0.96, "slope": factor, "shift": 0.0, "ratio_spread": 0.1, "ratios": [factor] * 3,
            "pixels": [[1.0, 2.0], [factor, 2 * factor]],
            "factors": {name: {"scale": factor, "interval": None} for name in one_scalar_page.ESTIMATORS},
        }  # fmt: skip

    moved = {"abs_rel": abs_rel, "per_image": 0.1, "constant": 0.5, "own": 0.1, "gap": target / source - 1}
    return {
        "arm": arm, "seed": seed, "steps": 2, "batch_size": 2, "offsets": [-2, 2],
        "domains": {"source": domain(source), "target": domain(target)},
        "transfer": dict.fromkeys(one_scalar_page.ESTIMATORS, moved), "cnn": {"abs_rel": 0.2, "spread": 0.1},
    }  # fmt: skip


def test_a_page_says_yes_only_where_every_seed_agrees(tmp_path: Path) -> None:
    rows = [
        ("aligned", 0, 5.0, 5.2, 0.11),
        ("aligned", 1, 5.0, 5.6, 0.12),
        ("own", 0, 5.0, 9.0, 0.5),
        ("own", 1, 5.0, 9.0, 0.5),
        ("source", 0, 5.0, 7.0, 0.3),
    ]
    for row in rows:
        (tmp_path / f"{row[0]}.{row[1]}.json").write_text(json.dumps(record(*row)))
    page = one_scalar_page.write_page(tmp_path, tmp_path / "docs" / "results" / "one_scalar.md").read_text()
    said = {
        line.split("|")[1].strip()[:24].rstrip(" ,"): line.split("|")[-2].strip() for line in page.splitlines() if "| (" in line
    }
    assert said["(a) R2 of 0.9 or more in"] == "yes"
    assert said["(b) slopes within 10 %"] == said["(b) Theil-Sen factors wi"] == "in 1 of 2 cases"  # 4 % and 12 % apart
    assert said["(b) slopes farther apart"] == said["(b) Theil-Sen factors fa"] == "yes"
    assert said["(c) AbsRel within 0.03 o"] == said["(d) a network's scale is"] == "yes"
    assert "+80.0 ± 0.0" in page
    assert "| source alone, aligned | +40.0 |" in " ".join(page.split())


def test_a_study_without_results_and_an_unknown_arm_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"has no result: run python -m leadline.recipes.studies run one_scalar first"):
        one_scalar_page.write_page(tmp_path, tmp_path / "page.md")
    with pytest.raises(
        LeadlineError, match="has no arm 'other': expected one of aligned, own, source, truth, longer, truth-longer"
    ):
        arm_of("other")
