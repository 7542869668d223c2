"""The stereo study of virtual labels: what it trains on, its order, its scores and its page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.stereo_layers import layered_pair
from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction
from leadline.recipes.studies import tom_stereo, tom_stereo_page, tom_stereo_run
from leadline.recipes.studies.tom_stereo import ARMS, Folders, arm_of, config_of

HW = (48, 80)
KIND = Kind.parse("disparity/affine_invariant")


def write_world(root: Path, scenes: int, glass: bool) -> None:
    """Scenes of two drawn pairs each; in the first of each a rectangle is said to be glass."""
    for scene in range(scenes):
        views = []
        for number in range(2):
            pair = layered_pair(np.random.default_rng(10 * scene + number), HW, 12)
            material = np.zeros(HW, np.uint8)
            if glass and number == 0:
                material[10:25, 20:50] = 1
            disparity = np.where(pair.valid, pair.disparity, 1).astype(np.float32)
            flat, nothing = np.zeros((*HW, 3), np.float32), np.zeros(HW, bool)
            views.append(
                StoredView(
                    pair.left, 10 / np.maximum(disparity, 0.5), flat, material, np.zeros(HW, np.uint16), nothing,
                    np.array([[50.0, 0, 40], [0, 50, 24], [0, 0, 1]]), np.eye(4), right=pair.right, pixel_disparity=disparity,
                    occluded=nothing, baseline_m=0.2,
                )
            )  # fmt: skip
        write_scene(root, f"s{scene}", views)


class GreenIsNear:
    """A network of one picture."""

    card = ModelCard("green", KIND)

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """See `leadline.predictor.Predictor`."""
        values = image[..., 1].astype(np.float32) + 1
        return Prediction(DepthMap(values, np.ones(values.shape, bool), KIND, camera, "green"))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    for name in (tom_stereo.DRAWN_FROM, tom_stereo.OPAQUE, tom_stereo.TOM, tom_stereo.HELD_OUT):
        write_world(tmp_path / "worlds" / name, 3, glass=name in (tom_stereo.TOM, tom_stereo.HELD_OUT))
    plan = replace(tom_stereo.NETWORKS["raft"], architecture="raft-stereo-tiny", steps=2, finetune_steps=2)
    monkeypatch.setitem(tom_stereo.NETWORKS, "raft", replace(plan, settings=replace(plan.settings, iterations=1)))
    monkeypatch.setattr(tom_stereo, "SHAPES", ((32, 64),))
    monkeypatch.setattr(tom_stereo_run, "load_predictor", lambda name: GreenIsNear())
    return Folders(tmp_path / "worlds", tmp_path / "runs", tmp_path / "scores")


def test_a_base_is_fine_tuned_on_merged_labels_and_both_are_scored_by_class(folders: Folders) -> None:
    base, virtual = arm_of("raft-base"), arm_of("raft-ft-virtual")
    with pytest.raises(LeadlineError, match="expected the base of this seed, run it first"):
        tom_stereo_run.run_arm(virtual, 0, folders)
    records = [json.loads(tom_stereo_run.run_arm(base, 0, folders).read_text())]
    assert tom_stereo_run.write_virtual(folders) == 3  # of six pairs, those with glass
    records.append(json.loads(tom_stereo_run.run_arm(virtual, 0, folders).read_text()))
    assert records[1]["merged"] + records[1]["refused"] == 3
    assert records[1]["labels"] == 6 - records[1]["refused"]
    for record in records:
        assert {of: record["scores"][of]["pictures"] for of in ("all", "tom", "other")} == {"all": 6, "tom": 3, "other": 6}
    assert sorted(path.name for path in folders.runs.iterdir()) == ["tom-stereo-networks", "tom-stereo-virtual"]
    before = (folders.out / "raft-base.0.json").read_text()
    tom_stereo_run.run_arm(base, 0, folders)  # done already: not again
    assert (folders.out / "raft-base.0.json").read_text() == before

    page = tom_stereo_page.write_page(folders.out, folders.out.parent / "tom-stereo.md").read_text()
    assert page.count("RAFT-Stereo, small: Ft. Virtual") == 3 + 1  # a table a class, and a line against the base
    assert "nan" not in page


def test_no_training_sees_the_truth_of_what_it_is_scored_on_or_labels(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "worlds", tmp_path / "runs", tmp_path / "scores")
    for arm in ARMS:
        if arm.network == tom_stereo.SGM:
            continue
        for source in config_of(arm, 0, folders).data.sources:
            world = source.partition("@")[2] or source
            assert Path(world.partition("::")[0]).name != tom_stereo.HELD_OUT
            if Path(world.partition("::")[0]).name == tom_stereo.TOM:
                assert "::" in source  # labels stand in for its truth


def test_bases_come_before_what_starts_from_them_and_semi_global_matching_once(tmp_path: Path) -> None:
    bases, others = tom_stereo_run.missing((0, 1), tmp_path)
    assert {arm.role for arm, _ in bases} == {"base"}
    assert {arm.role for arm, _ in others} == {"ft-virtual"}
    assert [seed for arm, seed in bases if arm.network == tom_stereo.SGM] == [0]
    with pytest.raises(LeadlineError, match="has no arm 'other': expected one of sgm, raft-base"):
        arm_of("other")
    with pytest.raises(LeadlineError, match="has no result of a base"):
        tom_stereo_page.write_page(tmp_path, tmp_path / "page.md")
