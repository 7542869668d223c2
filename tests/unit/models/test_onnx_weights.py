"""Training goes on from an exported network: the same names, the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from leadline.data.synthetic.analytic import make_sample
from leadline.depth_map import RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.export.onnx import export_onnx
from leadline.models.onnx_weights import fold_norms
from leadline.models.registry import load_weights, make_model
from leadline.predictor import ModelCard
from leadline.runtime.predictor import load_predictor
from leadline.training.predictor import NetworkPredictor


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    torch.manual_seed(0)
    network = make_model("leadline-tiny").eval()
    for parameter in network.parameters():  # a trained network has no two tensors that are equal; an exporter would store one
        parameter.data += 0.01 * torch.randn_like(parameter)
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    export_onnx(network, ModelCard("leadline-tiny.t", RELATIVE_DISPARITY), path)
    return network, path


def test_an_exported_network_loads_back(exported: tuple[torch.nn.Module, Path]) -> None:
    network, path = exported
    again = make_model("leadline-tiny").eval()
    load_weights(again, path)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(again(image), network(image), rtol=1e-4, atol=1e-5)


def test_folding_changes_names_but_no_number() -> None:
    torch.manual_seed(0)
    network = make_model("leadline-tiny").eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = network(image)
        fold_norms(network)
        torch.testing.assert_close(network(image), before, rtol=1e-4, atol=1e-5)
    assert not any(".norm." in name for name in network.state_dict())


def test_the_shipped_network_can_be_trained_on() -> None:
    network = make_model("leadline-s").eval()
    load_weights(network, "leadline-s")
    predictor = load_predictor("leadline-s")
    image = make_sample(0, (96, 128), name="analytic").image
    expected = predictor(image).depth.values
    found = NetworkPredictor(network, predictor.card)(image).depth.values
    assert abs(found - expected).max() < 1e-3 * expected.std()


def test_weights_of_another_network_are_one_line(exported: tuple[torch.nn.Module, Path], tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="does not fit this network"):
        load_weights(make_model("leadline-s"), exported[1])
    (tmp_path / "no.onnx").write_bytes(b"no network")
    with pytest.raises(LeadlineError, match=r"expected an \.onnx file"):
        load_weights(make_model("leadline-tiny"), tmp_path / "no.onnx")
