"""From photos and masks to a network that needs no masks, as docs/how-to/glass.md tells it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.end_to_end.command import leadline_command

from leadline.data.synthetic.analytic import make_sample


@pytest.mark.slow
def test_photos_are_labelled_trained_on_exported_and_predicted(tmp_path: Path) -> None:
    for number in range(4):
        pixels = make_sample(number, (96, 128)).image
        mask = np.zeros((96, 128), np.uint8)
        mask[30:60, 40:90] = 255
        for folder, content in (("photos", pixels), ("masks", mask)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(content).save(tmp_path / folder / f"{number}.png")
    photos, labels, run = tmp_path / "photos", tmp_path / "labels", tmp_path / "run"
    network = run / "checkpoints" / "best" / "leadline-s.tom.onnx"
    commands = (
        ("label", "virtual", photos, "--masks", tmp_path / "masks", "--out", labels, "--colours", 2),
        ("train", "tom_finetune", "--set", f"data.root={photos}", f"data.labels={labels}", f"run_dir={run}",
         f"data.cache={tmp_path / 'cache'}", "data.shapes=96x128", "data.batch_size=2", "optimiser.steps=3",
         "trainer.accelerator=cpu", "trainer.threads=1"),
        ("export", run),
        ("predict", photos / "0.png", "--model", network, "--out", tmp_path / "depth"),
    )  # fmt: skip
    for command in commands:
        done = leadline_command(*command)
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "depth").glob("*.png"))
