from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.errors import LeadlineError
from leadline.evaluation import ssim_page
from leadline.evaluation.baselines import VerticalRamp

H, W = 48, 64


def write_street(root: Path, hole: bool = False) -> None:
    """A ground plane under sky, whose disparity is a ramp from the horizon down."""
    rows = np.arange(H)[:, None] - 15.5
    depth = np.where(rows > 0, 40 / np.maximum(rows, 0.5), 0) * np.ones((1, W))
    sky = depth == 0
    if hole:
        depth[30, 30] = 0
    zeros = np.zeros((H, W), np.uint8)
    image = np.full((H, W, 3), 90, np.uint8)
    flat, instance = np.zeros((H, W, 3), np.float32), zeros.astype(np.uint16)
    view = StoredView(image, depth.astype(np.float32), flat, zeros, instance, sky, np.eye(3), np.eye(4))
    write_scene(root, "street-0", [view])


def test_the_page_tells_disparity_from_inverted_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_street(tmp_path / "views")
    monkeypatch.setattr("leadline.runtime.predictor.load_predictor", lambda name: VerticalRamp())
    out = tmp_path / "docs" / "results" / "ssim.md"
    out.parent.mkdir(parents=True)
    assert ssim_page.main(["--views", str(tmp_path / "views"), "--out", str(out)]) == 0
    page = out.read_text()
    assert "Disparity is above inverted depth on 1 of 1 frames" in page
    assert (tmp_path / "docs" / "assets" / "ssim.png").stat().st_size > 1000


def test_a_shift_is_nothing_to_disparity_and_something_to_its_inverse(tmp_path: Path) -> None:
    write_street(tmp_path)
    sample = next(iter(ssim_page.get_dataset("leadline").iter_samples(tmp_path)))
    exact, off = ssim_page.shifted_truth(sample, 0.0), ssim_page.shifted_truth(sample, 0.05)
    assert exact == pytest.approx((1.0, 1.0), abs=2e-3)
    assert off[0] == pytest.approx(1.0, abs=2e-3)
    assert off[1] < 0.99


def test_a_hole_in_the_truth_is_refused(tmp_path: Path) -> None:
    write_street(tmp_path, hole=True)
    sample = next(iter(ssim_page.get_dataset("leadline").iter_samples(tmp_path)))
    with pytest.raises(LeadlineError, match="neither depth nor sky"):
        ssim_page.true_depth(sample)
