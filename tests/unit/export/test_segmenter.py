"""From rendered scenes to a segmenter's file: trained for three steps, resumed, exported, and run without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.unit.data.small_tom_world import draw, write_tom_world
from torch import nn

from leadline.cli.export import export
from leadline.errors import LeadlineError
from leadline.export.segmenter import export_segmenter_onnx
from leadline.models import tom_segmenter
from leadline.models.tom_segmenter import TomSegmenter, load_trained_segmenter, make_segmenter
from leadline.recipes import load_recipe
from leadline.runtime.segmenter import load_segmenter
from leadline.runtime.segmenter_card import SegmenterCard
from leadline.training import override, train
from leadline.training.config import TrainConfig
from leadline.training.segmentation import segmentation_validation


def configured(folder: Path, *changes: str) -> TrainConfig:
    return override(
        load_recipe("tom_segmenter"),
        [
            f"data.sources={folder / 'tom'}", "data.weights=", f"data.cache={folder / 'cache'}", f"run_dir={folder / 'run'}",
            "model.architecture=leadline-tom-seg-tiny", "model.imagenet=false", "data.shapes=32x64,64x32", "data.batch_size=2",
            "optimiser.steps=3", "trainer.validate_every=2", "trainer.checkpoint_every=2", "trainer.threads=1",
            "trainer.accelerator=cpu", "trainer.log_every=1", "data.longest=64", *changes,
        ],
    )  # fmt: skip


def shallow() -> TomSegmenter:
    """One block in each stage of the encoder: an export of all of them takes ten seconds."""
    network = TomSegmenter(widths=(8, 8, 8, 16), head_width=8)
    for index, stage in enumerate(network.encoder.stages):
        network.encoder.stages[index] = nn.Sequential(next(stage.children()))
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tom_segmenter._ARCHITECTURES, "leadline-tom-seg-tiny", shallow)
        yield make_folder(tmp_path_factory.mktemp("segmenter"))


def make_folder(folder: Path) -> Path:
    write_tom_world(folder / "tom")
    threads = torch.get_num_threads()
    train(configured(folder))
    torch.set_num_threads(threads)
    card = SegmenterCard("template", licence="Apache-2.0", training_data=("small worlds (CC0)",), notes="For a test.")
    (folder / "card.json").write_text(card.to_json())
    assert export(folder / "run", half=True, card=folder / "card.json", out=folder / "out.onnx", name="tiny.v1") == 0
    return folder


def test_a_run_says_how_well_each_class_is_found(folder: Path) -> None:
    log = (folder / "run" / "log.jsonl").read_text()
    assert "validation/iou_mirror" in log
    assert "train/dice" in log


def test_the_file_answers_like_torch_whose_parameters_are_rounded(folder: Path) -> None:
    network, name = load_trained_segmenter(folder / "run")
    assert name == "leadline-tom-seg.v1"
    segment = load_segmenter(folder / "out.onnx")
    image, _ = draw(5, (96, 64))
    with torch.no_grad():
        pixels = torch.from_numpy(image)[None]
        expected = network(network.normalise(pixels)).softmax(1)[0].numpy()
    small = replace(segment.card, input_size=96)
    segment.card = small  # the picture as it is
    np.testing.assert_allclose(segment.probabilities(image), expected, atol=5e-3)


def test_the_card_is_the_templates_with_name_and_checksum_of_its_own(folder: Path) -> None:
    card = load_segmenter(folder / "out.onnx").card
    assert (card.name, card.licence, card.training_data) == ("tiny.v1", "Apache-2.0", ("small worlds (CC0)",))
    assert card.sha256 == hashlib.sha256((folder / "out.onnx").read_bytes()).hexdigest()
    assert json.loads((folder / "out.json").read_text())["classes"] == ["opaque", "transparent", "mirror", "sky"]


def test_a_run_goes_on_where_it_stopped(folder: Path) -> None:
    train(configured(folder, "optimiser.steps=4"), resume=True)
    assert (folder / "run" / "checkpoints" / "step-00000004").is_dir()


def test_only_onnx_is_written_and_a_card_of_depths_is_refused(folder: Path) -> None:
    with pytest.raises(LeadlineError, match="--to openvino for the segmenter"):
        export(folder / "run", to="openvino")
    (folder / "depth.json").write_text('{"name": "x", "kind": "depth/metric"}')
    with pytest.raises(LeadlineError, match="a segmenter's card with unknown keys"):
        export(folder / "run", card=folder / "depth.json")
    with pytest.raises(LeadlineError, match=r"expected a name that ends in \.onnx"):
        export_segmenter_onnx(make_segmenter("leadline-tom-seg-tiny"), SegmenterCard("x"), folder / "x.xml")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("data.shapes=40x64", "expected multiples of 32"),
        ("model.head=log", "model.head=log for a segmenter: expected own"),
        ("data.root=photos", "expected data.sources with masks"),
        ("data.sources=", "data.sources is empty"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, change: str, line: str) -> None:
    with pytest.raises(LeadlineError, match=line):
        train(configured(tmp_path, change))


def test_the_score_is_the_mean_iou_of_glass_and_mirrors() -> None:
    class Knows(TomSegmenter):
        """Says the first view's classes of any picture, but never a mirror."""

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            said = torch.from_numpy(np.where(classes == 2, 0, classes).astype(np.int64))[None]
            return torch.nn.functional.one_hot(said, 4).permute(0, 3, 1, 2).float()

    image, classes = draw(0, (192, 320))
    scores = segmentation_validation([(image, classes)])(Knows(widths=(8, 8, 8, 16), head_width=8))
    assert scores["iou_transparent"] == scores["iou_sky"] == 1
    assert scores["iou_mirror"] == 0
    assert scores["score"] == 0.5
