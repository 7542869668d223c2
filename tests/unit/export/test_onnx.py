from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.depth_map import RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.export.onnx import export_onnx, folded, verify_onnx
from leadline.models.blocks.scene_context import SceneContext
from leadline.models.efficientnet_lite import ConvNorm, InvertedResidual
from leadline.models.fusion_decoder import FusionDecoder
from leadline.models.registry import make_model
from leadline.predictor import ModelCard
from leadline.runtime.onnx_header import read_metadata

CARD = ModelCard("leadline-tiny.test", RELATIVE_DISPARITY, licence="Apache-2.0")


class Miniature(nn.Module):
    """One of each building block of leadline's own network: an export of the whole takes ten seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8, 3, 2)
        self.stages = nn.ModuleList(InvertedResidual(8, 8, kernel, 2, 2) for kernel in (3, 5, 3, 3))
        self.context = SceneContext(8, blocks=1, heads=2)
        self.decoder = FusionDecoder((8, 8, 8, 8), (32, 32, 32, 8))
        self.predict = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        features = [self.stem(image)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        raw = self.predict(self.decoder([*features[1:-1], self.context(features[-1])]))
        return F.softplus(F.interpolate(raw, size=image.shape[-2:], mode="bilinear", align_corners=False))[:, 0]


def miniature(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Miniature()


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return miniature(0)


@pytest.fixture(scope="module")
def files(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("onnx")
    return export_onnx(network, CARD, folder / "full.onnx"), export_onnx(network, CARD, folder / "half.onnx", half=True)


def test_both_engines_give_what_torch_gives_at_shapes_that_were_not_traced(
    network: nn.Module, files: tuple[Path, Path]
) -> None:
    worst = verify_onnx(files[0], folded(network), shapes=[(1, 96, 32), (4, 32, 64), (1, 64, 64)])
    assert max(worst.values()) < 1e-4


def test_half_precision_weights_halve_the_file_and_compute_in_single_precision(files: tuple[Path, Path]) -> None:
    full, half = (path.stat().st_size for path in files)
    assert half < 0.7 * full
    import onnxruntime

    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32)
    one, two = (onnxruntime.InferenceSession(str(path)).run(None, {"image": image})[0] for path in files)
    assert one.dtype == two.dtype == np.float32
    assert 0 < np.abs(one - two).max() < 0.05 * one.std() + 1e-3


def test_the_card_is_inside_and_beside_the_file_and_names_its_checksum(files: tuple[Path, Path]) -> None:
    for path in files:
        assert ModelCard.from_json(read_metadata(path)["leadline_card"]) == CARD
        beside = ModelCard.from_json(path.with_suffix(".json").read_text())
        assert beside.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert beside.name == CARD.name
    assert sorted(p.name for p in files[0].parent.iterdir()) == ["full.json", "full.onnx", "half.json", "half.onnx"]


def test_the_file_does_not_say_where_it_was_made(files: tuple[Path, Path]) -> None:
    assert str(Path(__file__).parents[3]).encode() not in files[0].read_bytes()
    assert b".py" not in files[0].read_bytes()


def test_a_file_that_is_another_network_fails_the_check(files: tuple[Path, Path]) -> None:
    with pytest.raises(LeadlineError, match="differs from torch"):
        verify_onnx(files[0], folded(miniature(1)), engines=["onnxruntime"])


def test_exporting_does_not_change_the_network(network: nn.Module) -> None:
    before = {k: v.clone() for k, v in network.state_dict().items()}
    folded(network)
    assert set(network.state_dict()) == set(before)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_another_suffix_is_refused(network: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"ends in \.onnx"):
        export_onnx(network, CARD, tmp_path / "net.pt")


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
def test_leadlines_own_network_fits_into_25_megabytes(tmp_path: Path, half: bool) -> None:
    path = export_onnx(make_model("leadline-s"), CARD, tmp_path / "s.onnx", half)
    assert path.stat().st_size < (13e6 if half else 25e6)
