import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
transformers = pytest.importorskip("transformers", reason="needs the extra 'train'")

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY  # noqa: E402
from leadline.errors import LeadlineError  # noqa: E402
from leadline.models import hf  # noqa: E402
from leadline.models.hf import load_hf_predictor, make_card  # noqa: E402


def depth_anything(**changes):
    backbone = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, patch_size=14, image_size=70, out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    return transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=24, patch_size=14, neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, head_hidden_size=8, **changes,
    )  # fmt: skip


def dpt():
    return transformers.DPTConfig(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip


def glpn():
    return transformers.GLPNConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    )


@pytest.fixture(autouse=True)
def _seeded():
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.random.set_rng_state(state)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Networks for pictures of few pixels."""
    for settings in hf._PROCESSORS.values():
        monkeypatch.setitem(settings, "size", {"height": 64, "width": 64})


PHOTO = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("config", "kind", "multiple", "size"),
    [
        (depth_anything(), RELATIVE_DISPARITY, 14, 518),
        (depth_anything(depth_estimation_type="metric", max_depth=20), METRIC_DEPTH, 14, 518),
        (dpt(), RELATIVE_DISPARITY, 32, 384),
        (glpn(), METRIC_DEPTH, 32, 480),
    ],
)
def test_the_card_says_what_the_network_wants_and_gives(monkeypatch, config, kind, multiple, size):
    monkeypatch.undo()  # the real sizes
    card = make_card("some.model", config, {})
    assert (card.kind, card.size_multiple, card.input_size, card.resize_side) == (kind, multiple, size, "shorter")


def test_the_processors_settings_win():
    settings = {
        "size": {"height": 252, "width": 252},
        "ensure_multiple_of": 28,
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": None,
    }
    card = make_card("some.model", depth_anything(), settings)
    assert (card.input_size, card.size_multiple) == (252, 28)
    np.testing.assert_allclose(card.mean, (25.5, 51, 76.5))
    np.testing.assert_allclose(card.std, (58.395, 57.12, 57.375))


def test_an_unknown_type_is_refused():
    with pytest.raises(LeadlineError, match="of type 'vit': expected one of depth_anything"):
        make_card("a.b", transformers.ViTConfig(), {})


@pytest.mark.parametrize("config", [depth_anything(), dpt(), glpn()], ids=["depth_anything", "dpt", "glpn"])
def test_a_network_of_random_weights_predicts_at_the_pictures_size(config):
    predictor = load_hf_predictor(config, device="cpu")
    depth = predictor(PHOTO).depth
    assert depth.hw == (60, 90)
    assert depth.kind == predictor.card.kind
    assert depth.valid.all()
    assert np.ptp(depth.values) > 0


def test_the_answer_is_that_of_transformers_own_processor_and_network(tmp_path):
    """The same picture through transformers' own code: sizes, normalisation and head agree."""
    from transformers import DPTImageProcessorPil

    config = depth_anything()
    network = transformers.AutoModelForDepthEstimation.from_config(config).eval()
    network.save_pretrained(tmp_path)
    processor = DPTImageProcessorPil(
        size={"height": 70, "width": 70}, ensure_multiple_of=14, keep_aspect_ratio=True,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], resample=3,
    )  # fmt: skip
    processor.save_pretrained(tmp_path)
    photo = np.random.default_rng(1).integers(
        0, 256, (70, 98, 3), dtype=np.uint8
    )  # of the network's size: nothing is resampled
    with torch.no_grad():
        theirs = network(**processor(images=photo, return_tensors="pt")).predicted_depth[0].numpy()
    predictor = load_hf_predictor(str(tmp_path), device="cpu")
    ours = predictor(photo).depth.values
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


def test_bf16_is_close_to_fp32(tmp_path):
    network = transformers.AutoModelForDepthEstimation.from_config(dpt())
    network.save_pretrained(tmp_path)
    exact = load_hf_predictor(str(tmp_path), device="cpu")(PHOTO).depth.values
    quick = load_hf_predictor(str(tmp_path), device="cpu", precision="bf16")(PHOTO).depth.values
    assert 0 < np.abs(quick - exact).max() < 0.1 * np.abs(exact).max()


def test_a_name_that_cannot_be_loaded_is_one_line(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise OSError("We couldn't connect to the hub\nand here is a page of advice")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", refuse)
    with pytest.raises(LeadlineError, match=r"can't load 'no/model'.*We couldn't connect") as error:
        load_hf_predictor("no/model")
    assert "\n" not in str(error.value)
