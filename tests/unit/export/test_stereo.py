"""Stereo networks as ONNX files: verified at other sizes than the traced one, and run as predictors."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.export.stereo import export_stereo_onnx, verify_stereo_onnx
from leadline.models.stereo.registry import make_stereo_model
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.runtime.stereo import load_stereo_predictor


def small(name: str) -> StereoNetwork:
    torch.manual_seed(0)
    return make_stereo_model(name).eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = small("raft-stereo-tiny")
    file = tmp_path_factory.mktemp("export") / "raft-stereo-tiny.random.onnx"
    return export_stereo_onnx(network, network.card(file.stem), file, iterations=1)


def test_the_file_answers_like_torch_for_a_padded_picture(exported: Path) -> None:
    network = small("raft-stereo-tiny")
    network.iterations = 1
    left, right = np.random.default_rng(0).integers(0, 255, (2, 70, 101, 3), dtype=np.uint8)
    found = load_stereo_predictor(exported)(left, right)
    padded = [torch.from_numpy(np.pad(p, ((0, 26), (0, 27), (0, 0)), mode="edge"))[None] for p in (left, right)]
    with torch.no_grad():
        expected = network(*(network.normalise(p) for p in padded))[0, :70, :101].numpy()
    np.testing.assert_allclose(found.depth.values, expected, atol=1e-3 * np.abs(expected).max())
    assert found.depth.source == "raft-stereo-tiny.random"
    assert not list(exported.parent.glob(".*"))


def test_a_file_of_other_weights_is_found_out(exported: Path) -> None:
    network = small("raft-stereo-tiny")
    network.iterations = 1
    assert verify_stereo_onnx(exported, network, [(64, 96)]) < 1e-3
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.heads.change[2].weight.mul_(1.5)  # type: ignore[union-attr, index, operator]
    with pytest.raises(LeadlineError, match="differs from torch"):
        verify_stereo_onnx(exported, other, [(64, 96)])


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    network = small("raft-stereo-tiny")
    with pytest.raises(LeadlineError, match=r"ends in \.onnx"):
        export_stereo_onnx(network, network.card("a.b"), tmp_path / "a.xml")


@pytest.mark.slow
def test_crestereo_is_exported_with_both_of_its_sizes(tmp_path: Path) -> None:
    network = small("crestereo-tiny")
    file = export_stereo_onnx(network, network.card("crestereo-tiny.random"), tmp_path / "a.onnx", iterations=2)
    assert file.stat().st_size < 2_000_000


def test_a_checkpoint_is_exported_by_the_command_line_under_its_runs_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import save_file

    from leadline.cli.export import export

    network = small("raft-stereo-tiny")
    network.iterations = 1
    folder = tmp_path / "checkpoints" / "best"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"name": "raft-stereo-tiny.mine", "model": {"architecture": "raft-stereo-tiny"}}')
    save_file(network.state_dict(), folder / "weights.safetensors")
    with pytest.raises(LeadlineError, match="exported as ONNX"):
        export(tmp_path, half=True)
    assert export(tmp_path) == 0
    written = Path(capsys.readouterr().out.strip())
    assert written == folder / "raft-stereo-tiny.mine.onnx"
    assert load_stereo_predictor(str(written)).card.name == "raft-stereo-tiny.mine"
