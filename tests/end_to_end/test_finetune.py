"""A new user's path: a folder of pictures and depth files, checked, trained on, exported, better than before."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.end_to_end.command import leadline_command

from leadline.data.synthetic.analytic import make_sample

HW = (96, 128)


def write_folder(root: Path, seeds: range) -> Path:
    """Pictures of a camera that hangs upside down, which the shipped network does badly on, beside 16-bit depth in mm."""
    for part in ("rgb", "depth"):
        (root / part).mkdir(parents=True)
    (root / "leadline_images.toml").write_text(
        'images = "rgb/*.png"\ndepths = "depth/*.png"\nkind = "depth/metric"\nscale = 0.001\n'
    )
    for seed in seeds:
        sample = make_sample(seed, HW, name=str(seed))
        assert sample.depth is not None
        counts = np.where(sample.depth.valid, np.where(sample.depth.values < 60, sample.depth.values * 1000, 0), 0).astype(
            np.uint16
        )
        cv2.imwrite(str(root / "rgb" / f"{seed:04d}.png"), sample.image[::-1, ::-1, ::-1])
        cv2.imwrite(str(root / "depth" / f"{seed:04d}.png"), counts[::-1, ::-1])
    return root


def leadline(*arguments: object) -> tuple[int, str, str]:
    done = leadline_command(*arguments)
    return done.returncode, done.stdout, done.stderr


def delta1(root: Path, model: str, out: Path) -> float:
    code, _, said = leadline(
        "evaluate", "--model", model, "--dataset", "images_and_depths", "--root", str(root),
        "--protocol", "disparity-scale-shift-10m", "--json", str(out),
    )  # fmt: skip
    assert code == 0, said
    return float(json.loads(out.read_text())["metrics"]["all"]["delta1"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("mine") / "room", range(40))


def test_forty_pictures_make_the_shipped_network_better_on_pictures_like_them(folder: Path, tmp_path: Path) -> None:
    code, printed, said = leadline("data", "check", str(folder), "--dataset", "images_and_depths")
    assert code == 0, printed + said
    run = tmp_path / "run"
    code, printed, said = leadline(
        "train", "finetune", "--set", f"data.root={folder}", f"run_dir={run}", f"data.cache={run / 'cache'}",
        "data.shapes=192x256", "data.longest=128", "data.batch_size=4", "optimiser.steps=60", "optimiser.lr=5e-4",
        "optimiser.encoder_lr=1e-4", "optimiser.warmup_steps=5", "optimiser.ema_decay=0.9", "trainer.threads=1",
        "trainer.validate_every=30", "trainer.accelerator=cpu",
    )  # fmt: skip
    assert code == 0, said
    exported = tmp_path / "mine.onnx"
    code, _, said = leadline("export", str(run), "--out", str(exported))
    assert code == 0, said
    unseen = write_folder(tmp_path / "unseen", range(100, 112))
    code, _, said = leadline(
        "predict", str(unseen / "rgb" / "0100.png"), "--model", str(exported), "--out", str(tmp_path / "depth")
    )
    assert code == 0, said
    assert list((tmp_path / "depth").glob("*.png"))
    before = delta1(unseen, "leadline-s", tmp_path / "before.json")
    after = delta1(unseen, str(exported), tmp_path / "after.json")
    assert after > before + 0.1, (before, after)


def test_metres_are_learnt_by_a_metric_head(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code, _, said = leadline(
        "train", "metric_finetune", "--set", f"data.root={folder}", f"run_dir={run}", f"data.cache={run / 'cache'}",
        "data.shapes=96x128", "data.longest=128", "data.batch_size=4", "optimiser.steps=20", "optimiser.ema_decay=0.9",
        "optimiser.warmup_steps=5", "trainer.threads=1", "trainer.validate_every=20", "trainer.accelerator=cpu",
    )  # fmt: skip
    assert code == 0, said
    code, _, said = leadline("export", str(run), "--out", str(tmp_path / "metric.onnx"))
    assert code == 0, said
    picture = next((folder / "rgb").glob("*.png"))
    code, printed, said = leadline(
        "predict", str(picture), "--model", str(tmp_path / "metric.onnx"), "--out", str(tmp_path / "depth")
    )
    assert code == 0, said
    assert "depth/metric" in printed + said


def test_a_recipe_without_its_folder_is_one_line(tmp_path: Path) -> None:
    code, _, said = leadline("train", "finetune", "--set", f"run_dir={tmp_path / 'run'}")
    assert code == 1
    assert "data.root" in said
    assert "Traceback" not in said
