import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
transformers = pytest.importorskip("transformers", reason="needs the extra 'train'")

from leadline.errors import LeadlineError  # noqa: E402
from leadline.export.hf import export_hf  # noqa: E402
from leadline.models.hf import load_hf_predictor  # noqa: E402
from leadline.runtime.predictor import load_predictor  # noqa: E402


@pytest.mark.slow
def test_depth_anything_exports_with_free_sizes_and_fusable_attention(tmp_path):
    backbone = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, patch_size=14, image_size=70, out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=24, patch_size=14, neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, head_hidden_size=8,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.AutoModelForDepthEstimation.from_config(config).save_pretrained(tmp_path / "network")
    path = export_hf(str(tmp_path / "network"), tmp_path / "network.onnx")  # compares several shapes itself
    photo = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    in_torch = load_hf_predictor(str(tmp_path / "network"), device="cpu")
    exported = load_predictor(path)
    assert exported.card.kind == in_torch.card.kind
    exact = in_torch(photo).depth.values
    np.testing.assert_allclose(exported(photo).depth.values, exact, atol=1e-3 * np.ptp(exact))
    import onnx

    assert "IsNaN" not in {node.op_type for node in onnx.load(str(path)).graph.node}


def test_a_network_of_one_size_is_refused(tmp_path):
    config = transformers.DPTConfig(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip
    with pytest.raises(LeadlineError, match=r"dpt\.random takes squares only"):
        export_hf(config, tmp_path / "a.onnx")
