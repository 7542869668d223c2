"""From what a user calls a model to its predictor: folders of training and of transformers."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
transformers = pytest.importorskip("transformers", reason="needs the extra 'train'")

from safetensors.torch import save_file  # noqa: E402

from leadline.cli.load import load  # noqa: E402
from leadline.depth_map import RELATIVE_DISPARITY  # noqa: E402
from leadline.errors import LeadlineError  # noqa: E402
from leadline.models.registry import make_model  # noqa: E402


@pytest.fixture(scope="module")
def weights():
    network = make_model("leadline-tiny")
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def write_checkpoint(folder, weights, name):
    folder.mkdir(parents=True)
    save_file(weights, folder / "weights.safetensors")
    (folder / "config.json").write_text(json.dumps({"name": name, "model": {"architecture": "leadline-tiny"}}))


def test_a_run_is_its_best_checkpoint_else_its_last(tmp_path, weights):
    for step in ("step-000010", "step-000020"):
        write_checkpoint(tmp_path / "checkpoints" / step, weights, "mine.v1")
    assert load(str(tmp_path)).card.name == "mine.v1 (step-000020)"
    assert load(str(tmp_path / "checkpoints" / "step-000010")).card.name == "mine.v1 (step-000010)"
    write_checkpoint(tmp_path / "checkpoints" / "best", weights, "mine.v1")
    best = load(str(tmp_path))
    assert best.card.name == "mine.v1 (best)"
    assert best.card.kind == RELATIVE_DISPARITY
    assert len(best.card.sha256) == 64
    assert best(np.zeros((40, 60, 3), np.uint8)).depth.hw == (40, 60)


def test_a_folder_of_transformers_is_no_checkpoint(tmp_path, monkeypatch):
    config = transformers.GLPNConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    )
    transformers.GLPNForDepthEstimation(config).save_pretrained(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", "./tiny", str(tmp_path / "tiny")):  # no owner/name is needed where there is a folder
        assert load(name).card.name == "tiny"


def test_a_folder_that_is_neither_says_what_both_hold(tmp_path):
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(LeadlineError, match="is no checkpoint and no transformers model"):
        load(str(tmp_path))
