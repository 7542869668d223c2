from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
transformers = pytest.importorskip("transformers", reason="needs the extra 'train'")

from safetensors.torch import save_file  # noqa: E402
from tests.unit.models.small_configs import depth_anything, dpt, dpt_of_dinov2, enliven  # noqa: E402

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY  # noqa: E402
from leadline.errors import LeadlineError  # noqa: E402
from leadline.losses.ssi import ssi_loss  # noqa: E402
from leadline.models import hf  # noqa: E402
from leadline.models.hf_trainable import HfDepthNetwork, load_hf_trainable  # noqa: E402
from leadline.models.metric_head import make_metric  # noqa: E402
from leadline.models.registry import load_trained, make_model, start_model  # noqa: E402

CONFIGS = {"depth_anything": depth_anything, "dpt": dpt, "dpt_of_dinov2": dpt_of_dinov2}
METRIC = {"depth_estimation_type": "metric", "max_depth": 20}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.random.set_rng_state(state)


def make(name: str, **changes: Any) -> HfDepthNetwork:
    return load_hf_trainable(CONFIGS[name](**changes))


def picture(network: HfDepthNetwork, cells: tuple[int, int] = (2, 3), count: int = 2) -> Any:
    return torch.randn(count, 3, *(n * network.stride for n in cells))


@pytest.mark.parametrize(("name", "stride"), [("depth_anything", 14), ("dpt", 32), ("dpt_of_dinov2", 28)])
def test_maps_have_the_pictures_size_at_every_multiple_of_the_stride(name: str, stride: int) -> None:
    network = make(name).eval()
    assert network.stride == network.card("a.b").size_multiple == stride
    with torch.no_grad():
        for cells in ((1, 2), (3, 2), (5, 5)):
            image = picture(network, cells)
            assert network(image).shape == (2, *image.shape[-2:])


@pytest.mark.parametrize(
    ("config", "size"),
    [(depth_anything(), (70, 98)), (depth_anything(**METRIC), (70, 98)), (dpt(), (64, 64)), (dpt_of_dinov2(), (56, 84))],
    ids=["depth_anything", "metric", "dpt", "dpt_of_dinov2"],
)
def test_the_map_is_that_of_transformers_own_forward(config: Any, size: tuple[int, int]) -> None:
    theirs = transformers.AutoModelForDepthEstimation.from_config(config).eval()
    with torch.no_grad():
        image = torch.randn(2, 3, *size)
        network = HfDepthNetwork(enliven(theirs), hf.make_card("a", config, {})).eval()
        if network.kind == RELATIVE_DISPARITY:
            network.last_layer.bias.fill_(100.0)  # above the ReLU's zeros
        expected = theirs(pixel_values=image).predicted_depth
        if config.model_type == "dpt":  # where transformers leaves 16 pixels for a patch of 14
            expected = torch.nn.functional.interpolate(expected[:, None], size, mode="bilinear")[:, 0]
        torch.testing.assert_close(network(image), expected, rtol=1e-5, atol=1e-4)
    assert expected.std() > 1e-3


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_that_trains_gets_a_gradient(name: str) -> None:
    network = make(name)
    network.logits(picture(network)).square().mean().backward()
    learning = {n: p for n, p in network.named_parameters() if p.requires_grad}
    assert not [n for n, p in learning.items() if p.grad is None or not p.grad.any()]
    assert sum(n.startswith("encoder.") for n in learning) > 40
    assert any(n.startswith("neck.") for n in learning)


@pytest.mark.parametrize("name", ["depth_anything", "dpt"])
def test_relative_fine_tuning_lowers_the_loss_where_transformers_refuses(name: str) -> None:
    config = CONFIGS[name]()
    image = torch.rand(2, 3, 56, 56) if name == "depth_anything" else torch.rand(2, 3, 64, 64)
    target = torch.linspace(0, 1, image.shape[-2])[:, None].expand(2, *image.shape[-2:]).contiguous()
    network = enliven(load_hf_trainable(config))
    with pytest.raises(NotImplementedError):
        transformers.AutoModelForDepthEstimation.from_config(config)(pixel_values=image, labels=target)
    with torch.no_grad():
        network.last_layer.bias.fill_(3.0)  # the published ReLU would stop the gradient of a map of zeros
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(25):
        loss = ssi_loss(network(image), target, torch.ones_like(target, dtype=torch.bool), 0.5, 0.8, 2)[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("name", ["depth_anything", "dpt"])
def test_checkpointed_gradients_are_the_same_and_cost_a_second_forward_pass(name: str) -> None:
    network: Any = make(name).train()
    image = picture(network)
    calls: list[int] = []
    block = network.encoder.encoder.layer[1]
    part = block.attention  # not the last one: the second pass stops when it has all that is needed
    part.register_forward_hook(lambda *_: calls.append(1))
    grads, counts = [], []
    for checkpointed in (False, True):
        if checkpointed:
            network.checkpoint_gradients()
        calls.clear()
        network.zero_grad()
        network.logits(image).square().mean().backward()
        grads.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
        counts.append(len(calls))
    assert counts == [1, 2]
    for one, two in zip(*grads, strict=True):
        torch.testing.assert_close(one, two)


def test_freezing_stops_the_patches_and_the_first_blocks() -> None:
    network = make("depth_anything")
    before = {n for n, p in network.named_parameters() if p.requires_grad}
    network.freeze(0)
    assert before == {n for n, p in network.named_parameters() if p.requires_grad}
    network.freeze(2)
    stopped = before - {n for n, p in network.named_parameters() if p.requires_grad}
    starts = ("encoder.embeddings.", "encoder.encoder.layer.0.", "encoder.encoder.layer.1.")
    assert stopped == {n for n in before if n.startswith(starts)}


def test_a_metric_network_of_transformers_is_one_here_too() -> None:
    network = make("depth_anything", **METRIC)
    assert network.kind == METRIC_DEPTH
    assert 0 < network(picture(network)).max().item() < 20
    relative = make("depth_anything")
    assert (relative.kind, make_metric(relative, "sigmoid", 80).kind) == (RELATIVE_DISPARITY, METRIC_DEPTH)


def write_checkpoint(folder: Path, network: HfDepthNetwork, architecture: str, description: dict[str, str]) -> None:
    folder.mkdir()
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, folder / "weights.safetensors", description)
    (folder / "config.json").write_text(json.dumps({"name": "a.tuned", "model": {"architecture": architecture}}))


def test_a_folder_is_fine_tuned_and_its_checkpoint_needs_it_no_more(tmp_path: Path) -> None:
    source = transformers.AutoModelForDepthEstimation.from_config(depth_anything())
    source.save_pretrained(tmp_path / "source")
    name = f"hf:{tmp_path / 'source'}"
    network = start_model({"architecture": name, "imagenet": True, "frozen_stages": 1}).eval()
    torch.testing.assert_close(network.get_parameter("head.conv1.weight"), source.head.conv1.weight)
    assert not network.encoder.embeddings.position_embeddings.requires_grad
    image = picture(network)
    write_checkpoint(tmp_path / "with", network, "hf:owner/gone", network.description())
    write_checkpoint(tmp_path / "without", network, name, {})  # of a version that did not describe its networks
    for folder in ("with", "without"):
        loaded, run_name = load_trained(tmp_path / folder)
        torch.testing.assert_close(loaded(image), network(image))
        card, expected = loaded.card(run_name), network.card(run_name)
        assert asdict(card) == asdict(expected)
        assert "Fine-tuned from source" in card.notes


def test_other_networks_are_refused() -> None:
    glpn = transformers.GLPNConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    )
    with pytest.raises(LeadlineError, match=r"of type 'glpn': expected one of depth_anything, dpt"):
        load_hf_trainable(glpn)


def test_a_name_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="can't load") as error:
        make_model(f"hf:{tmp_path}/nothing")
    assert "\n" not in str(error.value)


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf, "find_spec", lambda name: None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[train\]'"):
        make_model("hf:owner/name")
