"""The study of virtual labels: what is run in which order, on what, and what its page may claim."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.errors import LeadlineError
from leadline.predictor import Predictor
from leadline.recipes.studies import tom, tom_run
from leadline.recipes.studies.tom import STUDY, Folders
from leadline.recipes.studies.tom_data import lay_out_photos, prepare, write_labels, write_proxy_masks
from leadline.recipes.studies.tom_page import write_page
from leadline.recipes.studies.tom_run import ROOMS, WORLD, missing, run_in_order, run_tom
from leadline.runtime.segmenter import Segmenter
from leadline.runtime.segmenter_card import SegmenterCard
from leadline.training.config import ModelConfig

HW = (48, 64)


def write_world(root: Path, scenes: int, glass: bool) -> None:
    """Floors and, perhaps in the first view of each scene, a pane that shows something brighter behind."""
    for scene in range(scenes):
        views = []
        for number in range(2):
            depth = np.broadcast_to(6.0 / (1 + np.arange(HW[0])[:, None] / 12), HW).astype(np.float32).copy()
            material = np.zeros(HW, np.uint8)
            image = np.repeat((255 / (1 + depth))[..., None], 3, axis=2).astype(np.uint8)
            if glass and number == 0:
                material[10:30, 20:50] = 1
                image[10:30, 20:50] = 30
            image[..., 1] = np.random.default_rng(scene * 2 + number).integers(0, 255, HW)
            flat, zeros = np.zeros((*HW, 3), np.float32), np.zeros(HW, np.uint16)
            views.append(StoredView(image, depth, flat, material, zeros, np.zeros(HW, bool), _camera(), np.eye(4)))
        write_scene(root, f"s{scene}", views)


def _camera() -> np.ndarray:
    return np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])


class DarkIsGlass:
    """A network of classes that takes the dark red of the panes for glass."""

    def run(self, batch: np.ndarray) -> np.ndarray:
        glass = np.abs(batch[:, 0] * 128 + 127 - 30) < 0.5
        probabilities = np.zeros((len(batch), 4, *batch.shape[2:]), np.float32)
        probabilities[:, 0], probabilities[:, 1] = ~glass, glass
        return probabilities


def folders(root: Path) -> Folders:
    return Folders(root / "worlds", root / "data", root / "runs", root / "scores")


@pytest.fixture
def worlds(tmp_path: Path) -> Folders:
    for name in (tom.OPAQUE, *tom.CLEARED, *tom.PHOTOS, tom.HELD_OUT, tom.OPAQUE_TWIN):
        write_world(tmp_path / "worlds" / name, 2, glass=name != tom.OPAQUE)
    return folders(tmp_path)


def write_scores(out: Path, arms: dict[str, list[tuple[float, float]]]) -> None:
    """Files as the study leaves them; RMSE of ToM and of Other for each seed."""
    out.mkdir(parents=True, exist_ok=True)
    for arm, seeds in arms.items():
        for seed, (on_tom, on_other) in enumerate(seeds):
            values = {"all": 0.5, "tom": on_tom, "other": on_other}
            metrics = ("abs_rel", "rmse", "mae", "delta1", "delta_1.05", "delta_1.1", "delta_1.15", "delta_1.2")
            scores: dict[str, Any] = {of: dict.fromkeys(metrics, value) for of, value in values.items()}
            scores["counts"] = {"scored": 160, "failed": 0}
            record = {"arm": arm, "seed": seed, "scores": {WORLD: scores}}
            (out / f"{arm}.{seed}.json").write_text(json.dumps(record))


def verdicts(page: str) -> dict[str, str]:
    """Return the last column of the table against the base."""
    part = page.split("## Against the base")[1].split("## Real")[0]
    rows = [line.split("|") for line in part.splitlines() if line.count("|") == 7]
    return {row[1].strip(): row[-2].strip() for row in rows}


def test_the_bar_is_cleared_only_where_glass_gains_and_the_rest_does_not_lose(tmp_path: Path) -> None:
    base = [(1.0, 1.0), (2.0, 1.0), (1.0, 1.0)]
    write_scores(
        tmp_path / "scores",
        {
            "base": base,
            "ft-base": [(0.99, 1.0), (2.0, 1.0), (1.0, 1.0)],
            "ft-virtual": [(0.6, 1.01), (1.2, 1.01), (0.6, 1.0)],
            "ft-proxy": [(0.6, 1.1), (1.2, 1.1), (0.6, 1.1)],
            "inference": [(0.6, 1.0), (1.2, 1.0), (0.8, 1.0)],
            "inference-auto": base,
        },
    )
    page = write_page(STUDY, tmp_path / "scores", tmp_path / "docs" / "results" / "tom.md").read_text()
    found = verdicts(page)
    assert found["Ft. Virtual, true masks"] == "yes, every seed"
    assert found["Ft. Virtual, proxy masks"] == "no"  # Other is worse by 10 %
    assert found["Base, virtual at inference, true masks"] == "yes"  # -33 % on average, but one seed only -20 %
    assert found["Ft. Base (plain labels)"] == "no"
    assert "-40.0, -40.0, -40.0" in page
    assert "in 3 of 3 seeds" in page
    assert (tmp_path / "docs" / "assets" / "study-tom.png").is_file()


def test_an_extra_arm_of_one_seed_does_not_take_seeds_from_the_others(tmp_path: Path) -> None:
    base = [(1.0, 1.0), (2.0, 1.0)]
    write_scores(tmp_path / "scores", {"base": base, "ft-virtual": base, "ft-merged": [(0.5, 1.0)]})
    page = write_page(STUDY, tmp_path / "scores", tmp_path / "docs" / "results" / "tom.md").read_text()
    assert "Mean over seeds 0, 1 ±" in page
    assert verdicts(page)["Ft. Virtual, plain labels outside the mask (seed 0)"] == "yes, every seed"
    assert "Not run: Ft. Base (plain labels)," in page


def test_other_rooms_have_a_table_of_their_own_without_the_matte_twin(tmp_path: Path) -> None:
    arms = {"base": [(1.0, 1.0)], "ft-virtual": [(0.9, 1.0)], "opaque": [(0.8, 1.0)]}
    write_scores(tmp_path / "scores", arms)
    for path in (tmp_path / "scores").glob("*.json"):
        record = json.loads(path.read_text())
        if record["arm"] != "opaque":
            scores = json.loads(json.dumps(record["scores"][WORLD]))
            scores["tom"]["rmse"] = 1.0 if record["arm"] == "base" else 0.5
            record["scores"][ROOMS] = scores
            path.write_text(json.dumps(record))
    page = write_page(STUDY, tmp_path / "scores", tmp_path / "docs" / "results" / "tom.md").read_text()
    part = page.split("## The same makers in other rooms")[1].split("## Real")[0]
    assert "-50.0 ± 0.0" in part
    assert "matte" not in part
    assert verdicts(page.replace(part, ""))["Ft. Virtual, true masks"] == "no"  # above, on other shapes, it gains a tenth


def test_a_page_without_a_base_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"no result of base: run python -m leadline\.recipes\.studies run tom first"):
        write_page(STUDY, tmp_path, tmp_path / "tom.md")


def test_what_is_missing_is_done_seed_by_seed_without_the_extra_arms(tmp_path: Path) -> None:
    write_scores(tmp_path, {"base": [(1.0, 1.0)]})
    todo = [(arm.name, seed) for arm, seed in missing(STUDY, (0, 1), tmp_path)]
    usual = [arm.name for arm in STUDY.arms if not arm.extra]
    assert todo == [*((name, 0) for name in usual[1:]), *((name, 1) for name in usual)]


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_no_arm_starts_before_the_base_of_its_seed_is_done(tmp_path: Path, jobs: int) -> None:
    done: list[tuple[str, int]] = []
    lock = threading.Lock()

    def do(arm: str, seed: int) -> int:
        with lock:
            assert arm == "base" or ("base", seed) in done
            done.append((arm, seed))
        return 0

    todo = missing(STUDY, (0, 1, 2), tmp_path)
    assert run_in_order(todo, do, jobs) == [0] * len(todo)
    assert len(done) == len(todo)


def test_every_arm_is_fine_tuned_by_the_recipe_and_another_way_of_its_own(tmp_path: Path) -> None:
    from leadline.recipes import load_recipe

    recipe = load_recipe("tom_finetune")
    tuned = [arm for arm in STUDY.arms if arm.labels is not None]
    configs = {arm.name: STUDY.finetune_config(arm, 1, folders(tmp_path)) for arm in tuned}
    for arm in tuned:
        config = configs[arm.name]
        assert (config.loss, config.data.augmentation, config.optimiser.schedule) == (
            recipe.loss, recipe.data.augmentation, recipe.optimiser.schedule
        )  # fmt: skip
        assert config.optimiser.lr == pytest.approx(STUDY.rate * recipe.optimiser.lr)
        assert config.model.weights.endswith("base-1/weights.safetensors")
        assert not config.data.sources  # no world, and with it no depth
    assert len({(arm.labels, arm.options, arm.merged) for arm in tuned}) == len(tuned)
    assert len({config.data.labels for config in configs.values()}) == len(tuned)


def test_arms_whose_base_fails_are_not_tried(tmp_path: Path) -> None:
    tried: list[str] = []

    def do(arm: str, seed: int) -> int:
        tried.append(f"{arm} {seed}")
        return int(arm == "base" and seed == 0)

    failures = run_in_order(missing(STUDY, (0, 1), tmp_path), do, 2)
    assert not [text for text in tried if text.endswith(" 0") and text != "base 0"]
    assert sum(failures) == sum(not arm.extra for arm in STUDY.arms)


def test_the_base_sees_no_glass_and_the_photos_bring_no_depth(worlds: Folders) -> None:
    prepare(STUDY, worlds)
    prepare(STUDY, worlds)  # again, as each training does
    kept = sorted(path.relative_to(worlds.cleared).as_posix() for path in worlds.cleared.glob("*/*/image/*"))
    assert kept == [f"{world}/s{scene}/image/001.png" for world in sorted(tom.CLEARED) for scene in range(2)]
    indexed = "".join(path.read_text() for path in worlds.cache.glob("*.jsonl"))
    assert indexed.count('"name"') == 4 + 3 * 2  # all views of the opaque world, one of each scene of the others
    assert {path.suffix for path in worlds.photos.rglob("*") if path.is_file()} == {".png"}
    assert len(list((worlds.photos / "photos").iterdir())) == 4 * len(tom.PHOTOS)


def test_a_view_with_little_glass_is_kept_without_its_truth_there(worlds: Folders) -> None:
    scene = worlds.worlds / tom.CLEARED[0] / "s0"
    material = np.zeros(HW, np.uint8)
    material[:4, :20] = 2  # 2.6 % of the picture
    cv2.imwrite(str(scene / "material" / "000.png"), material)
    prepare(STUDY, worlds)
    before = np.load(scene / "depth" / "000.npy")
    after = np.load(worlds.cleared / tom.CLEARED[0] / "s0" / "depth" / "000.npy")
    assert before[material > 0].min() > 0
    np.testing.assert_array_equal(after, np.where(material > 0, 0, before))


def test_a_missing_world_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"no scene in .*rooms-b: render it with leadline synth"):
        prepare(STUDY, folders(tmp_path))


def test_proxy_masks_are_compared_with_true_ones(worlds: Folders) -> None:
    lay_out_photos(worlds.worlds / tom.PHOTOS[0], worlds.photos)

    def segment(image: np.ndarray) -> np.ndarray:
        found = np.zeros(image.shape[:2], np.uint8)
        found[10:20, 20:50] = 2  # the upper half of every pane, also where there is none
        return found

    # Two panes of 600 pixels, half found; two views with 300 pixels too many.
    assert write_proxy_masks(worlds.photos, worlds.photos / "masks-proxy", segment) == pytest.approx(600 / 1800)


@pytest.mark.parametrize("name", ["ft-base", "ft-virtual", "ft-merged"])
def test_labels_are_the_networks_own_and_differ_from_plain_ones_only_by_the_arms_way(worlds: Folders, name: str) -> None:
    from tests.unit.labels.painted_networks import RedIsNear

    from leadline import read_depth, read_image

    lay_out_photos(worlds.worlds / tom.PHOTOS[0], worlds.photos)
    arm, network = STUDY.arm(name), RedIsNear()
    assert arm.labels is not None
    photos = worlds.photos / "photos"
    out = worlds.labels(name, 0)
    assert write_labels(arm, network, photos, worlds.photos / f"masks-{arm.labels}", out) == 4
    calls = len(network.seen)
    write_labels(arm, network, photos, worlds.photos / f"masks-{arm.labels}", out)
    assert len(network.seen) == calls  # nothing is done twice
    red = read_image(photos / "tom-s0-000.png").pixels[..., 0].astype(np.float32)
    label = read_depth(out / "tom-s0-000.npz").values
    pane = np.zeros(HW, bool)
    pane[10:30, 20:50] = True
    np.testing.assert_allclose(label[~pane], red[~pane], rtol=1e-3)
    assert np.allclose(label[pane], red[pane]) == (name == "ft-base")
    np.testing.assert_allclose(
        read_depth(out / "tom-s0-001.npz").values, read_image(photos / "tom-s0-001.png").pixels[..., 0], rtol=1e-3
    )


def test_an_arm_without_its_base_says_so(worlds: Folders) -> None:
    with pytest.raises(LeadlineError, match="expected the base of this seed, run it first"):
        run_tom(STUDY, STUDY.arm("inference"), 0, worlds)


def test_a_small_study_runs_from_base_to_fine_tuned_scores(worlds: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tom_run, "load_segmenter", lambda name: Segmenter(DarkIsGlass(), SegmenterCard("dark.v1", input_size=64))
    )
    study = replace(STUDY, model=ModelConfig("leadline-tiny", imagenet=False), steps=1, finetune_steps=1, batch_size=2)
    before = torch.get_num_threads()
    try:
        records = {}
        for name in ("base", "ft-proxy", "inference-auto"):
            path = run_tom(study, study.arm(name), 0, worlds)
            records[name] = json.loads(path.read_text())
            changed = path.stat().st_mtime_ns
            assert run_tom(study, study.arm(name), 0, worlds).stat().st_mtime_ns == changed
    finally:
        torch.set_num_threads(before)
    for record in records.values():
        scores = record["scores"][WORLD]
        assert scores["counts"]["scored"] == 4
        assert scores["counts"]["failed"] == 0
        assert {"abs_rel", "rmse", "mae", "delta1", "delta_1.05"} <= set(scores["tom"]) & set(scores["other"])
    assert records["ft-proxy"]["photos"] == 4 * len(tom.PHOTOS)
    assert records["ft-proxy"]["segmenter"] == "dark.v1"
    assert records["ft-proxy"]["masks_iou"] == pytest.approx(1, abs=0.2)  # the segmenter sees 64 x 64
    assert records["base"]["scores"] != records["ft-proxy"]["scores"]
    # Networks are kept, everything else of a training is not.
    left = {path.name for path in worlds.runs.iterdir()}
    assert left == {"cache", "tom-cleared", "tom-photos", "tom-networks"}
    network: Predictor = tom_run.load_network(worlds.network("ft-proxy", 0))
    assert network.card.name == "leadline-s.tom-ft-proxy-0"
