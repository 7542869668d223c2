from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit.labels.painted_networks import RedInBatches, RedIsNear

from leadline.data.datasets.registry import get_dataset
from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation import tom_colours
from leadline.evaluation.remembered import remember
from leadline.evaluation.surface_scores import Scorer, rank_correlation
from leadline.evaluation.tom_colours import PLAIN, SERIES, SINGLE, VARIED, WAYS, ablate
from leadline.labels import VirtualOptions, virtual_depth

H, W = 24, 32
GLASS = np.zeros((H, W), bool)
GLASS[6:16, 8:20] = True


def write_room(root: Path, name: str = "room-0", glass: np.ndarray = GLASS, seed: int = 0) -> None:
    """A slope whose disparity is the picture's red channel, but for a pane, which shows what is behind it."""
    disparity = np.linspace(0.2, 1.0, H)[:, None] * np.ones((1, W))
    red = np.round(255 * disparity).astype(np.uint8)
    depth = (255 / np.maximum(red, 1)).astype(np.float32)
    image = np.stack([np.where(glass, 60, red)] + [np.random.default_rng(seed).integers(0, 256, (H, W))] * 2, 2)
    zeros = np.zeros((H, W), np.uint8)
    view = StoredView(
        image.astype(np.uint8), depth, np.zeros((H, W, 3), np.float32), glass.astype(np.uint8),
        glass.astype(np.uint16), zeros.astype(bool), np.eye(3), np.eye(4),
    )  # fmt: skip
    write_scene(root, name, [view])


def room(root: Path):
    return next(iter(get_dataset("leadline").iter_samples(root)))


def test_the_truth_itself_has_no_error_and_a_map_wrong_on_glass_alone_has_it_there(tmp_path: Path) -> None:
    write_room(tmp_path)
    sample = room(tmp_path)
    true = sample.depth.to_disparity()
    exact = DepthMap(3 * true.values + 1, kind=RELATIVE_DISPARITY)
    score = Scorer(sample)(exact)
    assert score.tom["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert score.other["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(score.spread)
    wrong = DepthMap(np.where(GLASS, exact.values + 0.2, exact.values), kind=RELATIVE_DISPARITY)
    worse = Scorer(sample)(wrong)
    assert worse.tom["abs_rel"] > 4 * worse.other["abs_rel"] > 0


def test_a_spread_that_is_the_error_ranks_as_one_and_is_in_shares_of_the_true_disparity(tmp_path: Path) -> None:
    write_room(tmp_path)
    sample = room(tmp_path)
    true = sample.depth.to_disparity().values
    # Errors on glass that a fit can't take up, since they rise and fall: half up, half down.
    error = np.where(GLASS, np.random.default_rng(0).uniform(-0.1, 0.1, (H, W)), 0.0)
    pred = DepthMap(2 * (true + error) + 5, kind=RELATIVE_DISPARITY)
    score = Scorer(sample)(pred, (2 * np.abs(error)).astype(np.float32))
    assert score.rank > 0.95
    assert score.spread == pytest.approx(score.error, rel=0.1)
    assert score.spread == pytest.approx((np.abs(error) / true)[GLASS].mean(), rel=0.1)


def test_ranks_agree_with_scipy_and_a_constant_has_none() -> None:
    from scipy.stats import spearmanr

    a, b = np.random.default_rng(0).integers(0, 5, (2, 40)).astype(float)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(rank_correlation(a, np.ones(40)))
    assert np.isnan(rank_correlation(a, np.full(40, np.nan)))


@pytest.mark.parametrize("network", [RedIsNear, RedInBatches])
def test_a_remembered_predictor_says_the_same_and_asks_for_each_copy_once(tmp_path: Path, network) -> None:
    write_room(tmp_path)
    sample, fresh, known = room(tmp_path), network(), remember(network())
    for count in (1, 5, 20):
        options = VirtualOptions(count)
        expected = virtual_depth(fresh, sample.image, GLASS, options=options)
        label = virtual_depth(known, sample.image, GLASS, options=options)
        np.testing.assert_array_equal(label.depth.values, expected.depth.values)
    assert known.asked == 20
    known.forget()
    virtual_depth(known, sample.image, GLASS, options=VirtualOptions(2))
    assert known.asked == 22


def test_one_picture_twice_in_a_call_is_predicted_once() -> None:
    known = remember(RedIsNear())
    image = np.zeros((4, 5, 3), np.uint8)
    first, second = known.predict_many([image, image])
    assert known.asked == 1
    assert first is second


def test_every_way_is_what_the_options_alone_would_give(tmp_path: Path) -> None:
    write_room(tmp_path)
    ablation = ablate(RedIsNear(), tmp_path, seeds=(0, 1))
    assert ablation.views == ["room-0/000"]
    scorer = Scorer(room(tmp_path))
    for way in (SERIES["random greys"][1], VARIED[2], SINGLE[1]):
        label = virtual_depth(RedIsNear(), room(tmp_path).image, GLASS, name="room-0/000", options=way.options)
        expected = scorer(label.depth, label.spread).tom["abs_rel"]
        assert ablation.lines[way.title].values["tom abs_rel"][0][0] == pytest.approx(expected, rel=1e-6)
    assert len(ablation.lines[PLAIN].values["spread"]) == 1
    seeds = ablation.lines[SERIES["one random colour for all"][0].title].values["tom abs_rel"]
    assert seeds[0] != seeds[1]


def test_views_without_glass_or_full_of_it_are_passed_over(tmp_path: Path) -> None:
    write_room(tmp_path, "a", np.zeros((H, W), bool))
    write_room(tmp_path, "b", np.ones((H, W), bool))
    with pytest.raises(LeadlineError, match="has glass or mirrors on 1 to 80 % of it"):
        ablate(RedIsNear(), tmp_path, seeds=(0,))
    write_room(tmp_path, "c")
    ablation = ablate(RedIsNear(), tmp_path, seeds=(0,))
    assert (ablation.views, ablation.passed_over) == (["c/000"], 2)


def test_the_page_says_what_the_numbers_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_room(tmp_path / "w", "a")
    write_room(tmp_path / "w", "b", seed=1)
    monkeypatch.setattr(tom_colours, "load_predictor", lambda name: RedIsNear())
    out = tmp_path / "docs" / "results" / "tom-colours.md"
    arguments = ["--worlds", str(tmp_path / "w"), "--out", str(out), "--model2", "other", "--seeds", "0", "1"]
    assert tom_colours.main(arguments) == 0
    page, content = out.read_text(), json.loads(out.with_suffix(".json").read_text())
    assert page.count("## red.v1") == 2
    assert all(page.count(f"| {way.title} ") >= 2 for way in WAYS)
    assert "nan" not in page
    lines = content[0]["lines"]
    plain, five = (np.mean(lines[title]["tom abs_rel"]) for title in (PLAIN, "one random colour for all, N = 5"))
    assert f"(from {plain:.3f} to {five:.3f})" in page
    assert content[0]["lines"][PLAIN]["spread"] == [None]
    assert (tmp_path / "docs" / "assets" / "tom-colours.png").stat().st_size > 10_000


def test_a_folder_without_views_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tom_colours.main(["--worlds", str(tmp_path), "--out", str(tmp_path / "o.md"), "--views", "0"]) == 1
    assert capsys.readouterr().err.startswith("--views 0: expected at least 1")
    assert tom_colours.main(["--worlds", str(tmp_path), "--out", str(tmp_path / "o.md")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
