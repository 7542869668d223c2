"""Every network that trains, from a checkpoint to a file that the runtime reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
transformers = pytest.importorskip("transformers", reason="needs the extra 'train'")

from safetensors.torch import save_file  # noqa: E402
from tests.unit.models.small_configs import depth_anything, dpt, enliven  # noqa: E402

from leadline.camera import Camera  # noqa: E402
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY  # noqa: E402
from leadline.export.checkpoint import export_checkpoint  # noqa: E402
from leadline.export.onnx import folded  # noqa: E402
from leadline.models.depth_network import DepthNetwork  # noqa: E402
from leadline.models.hf_trainable import HfDepthNetwork, load_hf_trainable  # noqa: E402
from leadline.models.metric_head import make_metric  # noqa: E402
from leadline.models.registry import make_model  # noqa: E402
from leadline.models.video_network import VideoNetwork  # noqa: E402
from leadline.runtime.predictor import load_predictor  # noqa: E402
from leadline.training.predictor import NetworkPredictor  # noqa: E402

PHOTO = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def make(name: str) -> DepthNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if name == "midas-tiny":
            network = make_model(name).eval()
            for parameter in network.parameters():
                if parameter.ndim > 1:
                    torch.nn.init.kaiming_normal_(parameter)
            torch.nn.init.constant_(network.last_layer.bias, 100.0)  # a map of the ReLU's zeros would prove nothing
            return network
        tuned: HfDepthNetwork = enliven(load_hf_trainable(depth_anything() if name == "depth_anything" else dpt()))
        tuned.input_size = 2 * tuned.stride
        if name == "depth_anything":
            make_metric(tuned, "sigmoid", 20, fresh=False)
        return tuned.eval()


def write_checkpoint(folder: Path, network: DepthNetwork, **model: Any) -> Path:
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, folder / "weights.safetensors", network.description())
    (folder / "config.json").write_text(json.dumps({"name": "tuned.v1", "model": model}))
    return folder


@pytest.mark.parametrize(
    "name", ["midas-tiny", pytest.param("depth_anything", marks=pytest.mark.slow), pytest.param("dpt", marks=pytest.mark.slow)]
)
def test_an_exported_checkpoint_predicts_what_the_network_predicted(tmp_path: Path, name: str) -> None:
    network = make(name)
    head = {"head": "sigmoid", "max_depth": 20.0} if name == "depth_anything" else {}
    architecture = name if name == "midas-tiny" else "hf:owner/name"
    folder = write_checkpoint(tmp_path, network, architecture=architecture, **head)
    card = network.card("tuned.v1")
    exported = load_predictor(export_checkpoint(folder, card=card))  # it compares several shapes itself
    kind = METRIC_DEPTH if name == "depth_anything" else RELATIVE_DISPARITY
    assert exported.card.kind == card.kind == kind
    assert (exported.card.mean, exported.card.size_multiple) == (network.mean, network.stride)
    expected = NetworkPredictor(network)(PHOTO).depth
    got = exported(PHOTO).depth
    assert got.kind == kind
    assert np.ptp(expected.values) > 0.05 * np.abs(expected.values).max()
    np.testing.assert_allclose(got.values, expected.values, atol=2e-3 * np.ptp(expected.values))
    import onnx

    output = onnx.load(str(tmp_path / "tuned.v1.onnx")).graph.output[0].name
    assert output == ("depth" if name == "depth_anything" else "disparity")


def test_a_network_of_one_field_of_view_keeps_it_in_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = make_model("monodepth2-tiny").eval()
    assert isinstance(network, VideoNetwork)
    network.fov_deg = (30.0, 20.0)
    exported = load_predictor(export_checkpoint(write_checkpoint(tmp_path, network, architecture="monodepth2-tiny")))
    assert exported.card.fov_deg == (30.0, 20.0)
    camera = Camera.from_fov_deg(60, (60, 90))
    valid = exported(PHOTO, camera).depth.valid
    rows, columns = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    seen = camera.crop(columns[0], rows[0], columns.size, rows.size)
    assert valid.sum() == rows.size * columns.size
    assert seen.fov_deg == pytest.approx((30, 20), abs=1)  # one pixel is a degree


def test_folding_a_resnets_normalisations_changes_nothing_but_their_number() -> None:
    network = make("midas-tiny")
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    small = folded(network)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in small.modules())
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(small.logits(image), network.logits(image), rtol=1e-4, atol=1e-4)
