from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.reference import midas_large as reference
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.midas_large import MidasLarge
from leadline.models.registry import load_weights, make_model, start_model
from leadline.models.resnet import ResNet

GROUPS = 2


def released(blocks: tuple[int, ...], groups: int, group_width: int, base: int, width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a released checkpoint: torchvision's ResNeXt in MiDaS's four layers, then "scratch"."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name: str, channels: int) -> None:
        shapes.update({f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{name}.num_batches_tracked"] = ()

    shapes["pretrained.layer1.0.weight"] = (base, 3, 7, 7)
    norm("pretrained.layer1.1", base)
    inputs = base
    for stage, count in enumerate(blocks):
        outputs = 4 * base * 2**stage
        inner = base * 2**stage * group_width // 64 * groups
        for block in range(count):
            name = f"pretrained.layer1.4.{block}" if stage == 0 else f"pretrained.layer{stage + 1}.{block}"
            for number, shape in enumerate([(inner, inputs, 1, 1), (inner, inner // groups, 3, 3), (outputs, inner, 1, 1)], 1):
                shapes[f"{name}.conv{number}.weight"] = shape
                norm(f"{name}.bn{number}", shape[0])
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (outputs, inputs, 1, 1)
                norm(f"{name}.downsample.1", outputs)
            inputs = outputs
        shapes[f"scratch.layer{stage + 1}_rn.weight"] = (width, outputs, 3, 3)
    for level in (1, 2, 3, 4):
        for unit in (1, 2):
            for number in (1, 2):
                name = f"scratch.refinenet{level}.resConfUnit{unit}.conv{number}"
                shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (width, width, 3, 3), (width,)
    head = [(0, (width // 2, width, 3, 3)), (2, (32, width // 2, 3, 3)), (4, (1, 32, 1, 1))]
    for index, shape in head:
        shapes[f"scratch.output_conv.{index}.weight"], shapes[f"scratch.output_conv.{index}.bias"] = shape, shape[:1]
    return shapes


def random_state(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) > 1:
            fan_in = float(np.prod(shape[1:]))
            state[name] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        else:
            state[name] = torch.randn(shape, generator=generator) * 0.1 + (0.5 if name.endswith("weight") else 0.1)
    state["scratch.output_conv.4.bias"] = torch.ones(1)
    return state


TINY = released((1, 1, 1, 1), GROUPS, 16, 8, 8)


def test_a_released_checkpoint_gives_the_released_networks_map(tmp_path: Path) -> None:
    state = random_state(TINY)
    torch.save(state, tmp_path / "midas.pt")
    network = make_model("midas-tiny").eval()
    load_weights(network, tmp_path / "midas.pt")
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        got = network(image)[0].numpy()
    expected = reference.predict({name: tensor.numpy() for name, tensor in state.items()}, image[0].double().numpy(), GROUPS)
    assert expected.std() > 0.01
    assert (expected > 0).mean() > 0.5  # a map of the final ReLU's zeros would prove nothing
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_names_and_shapes_are_those_of_the_released_file() -> None:
    shapes = released((3, 4, 23, 3), 32, 8, 64, 256)
    assert shapes["pretrained.layer3.22.conv2.weight"] == (1024, 32, 3, 3)  # 32 groups of 8 x 4 channels
    assert shapes["pretrained.layer4.0.downsample.0.weight"] == (2048, 1024, 1, 1)
    with torch.device("meta"):
        network = MidasLarge()
        state = network.published_state({name: torch.empty(shape) for name, shape in shapes.items()})
    assert {name: tensor.shape for name, tensor in state.items()} == {
        name: tensor.shape for name, tensor in network.state_dict().items()
    }
    # The paper says 105 M; the unit that is never used (1.2 M) is left out here.
    assert 103e6 < sum(p.numel() for p in network.parameters()) < 106e6


def test_a_checkpoint_of_training_is_read_and_one_without_batch_counts_too(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in random_state(TINY).items() if not name.endswith("num_batches_tracked")}
    torch.save({"model": state, "optimizer": {}}, tmp_path / "run.pt")
    network = make_model("midas-tiny")
    load_weights(network, tmp_path / "run.pt")
    assert torch.equal(network.state_dict()["predict.weight"], state["scratch.output_conv.4.weight"])


def test_torchvisions_file_fills_the_encoder_alone(tmp_path: Path) -> None:
    donor = ResNet((1, 1, 1, 1), GROUPS, 16, 8)
    state = {**donor.state_dict(), "fc.weight": torch.zeros(10, 256), "fc.bias": torch.zeros(10)}
    torch.save(state, tmp_path / "resnext.pth")
    network = make_model("midas-tiny")
    decoder = {name: t.clone() for name, t in network.state_dict().items() if not name.startswith("encoder.")}
    load_weights(network, tmp_path / "resnext.pth")
    after = network.state_dict()
    assert all(torch.equal(after[f"encoder.{name}"], tensor) for name, tensor in donor.state_dict().items())
    assert all(torch.equal(after[name], tensor) for name, tensor in decoder.items())


def test_the_names_are_torchvisions() -> None:
    names = set(ResNet((3, 4, 6, 3)).state_dict())
    assert {
        "conv1.weight", "bn1.running_mean", "layer1.0.conv2.weight", "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.bias", "layer3.5.bn3.num_batches_tracked", "layer4.2.conv3.weight",
    } <= names  # fmt: skip
    # torchvision's resnet50 has 25,557,032 parameters, of which 2,049,000 are the classifier's.
    assert sum(p.numel() for p in ResNet((3, 4, 6, 3)).parameters()) == 25_557_032 - 2_049_000


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"no"), "can't read weights"),
        (lambda path: torch.save([1], path), "holds no tensors by name"),
        (lambda path: torch.save({"scratch.other": torch.zeros(1)}, path), "does not fit this network"),
        (lambda path: torch.save({"conv1.weight": torch.zeros(1)}, path), "does not fit this network"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, write, message: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "weights.pt")
    with pytest.raises(LeadlineError, match=message) as error:
        load_weights(make_model("midas-tiny"), tmp_path / "weights.pt")
    assert "\n" not in str(error.value)


def test_code_in_a_weights_file_does_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return Path.touch, (tmp_path / "harm",)

    torch.save({"scratch.a": Harm()}, tmp_path / "weights.pt")
    with pytest.raises(LeadlineError, match="can't read weights"):
        load_weights(make_model("midas-tiny"), tmp_path / "weights.pt")
    assert not (tmp_path / "harm").exists()


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = make_model("midas-tiny")
    network.logits(torch.randn(2, 3, 64, 96)).square().mean().backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("hw", [(32, 32), (64, 160), (33, 47)])
def test_maps_have_the_pictures_size(hw: tuple[int, int]) -> None:
    network = make_model("midas-tiny").eval()
    with torch.no_grad():
        assert network(torch.randn(2, 3, *hw)).shape == (2, *hw)
    assert network.encoder.channels == (32, 64, 128, 256)


def test_statistics_move_from_random_weights_and_stay_after_loading(tmp_path: Path) -> None:
    torch.save(random_state(TINY), tmp_path / "midas.pt")
    for weights, moves in (("", True), (str(tmp_path / "midas.pt"), False)):
        network = start_model({"architecture": "midas-tiny", "weights": weights}).train()
        before = network.encoder.state_dict()["bn1.running_mean"].clone()
        network(torch.randn(2, 3, 32, 32))
        assert torch.equal(before, network.encoder.state_dict()["bn1.running_mean"]) != moves


def test_frozen_stages_get_no_gradient() -> None:
    network = make_model("midas-tiny")
    network.freeze(2)
    network.logits(torch.randn(1, 3, 64, 64)).sum().backward()
    frozen = {name for name, p in network.named_parameters() if p.grad is None}
    stem = ("encoder.conv1.", "encoder.bn1.", "encoder.layer1.", "encoder.layer2.")
    assert frozen == {name for name, _ in network.named_parameters() if name.startswith(stem)}


def test_asking_for_imagenet_weights_says_where_to_get_them() -> None:
    with pytest.raises(LeadlineError, match=r"model\.weights=resnet50\.pth"):
        start_model({"architecture": "midas-tiny", "imagenet": True})


def test_gradients_cannot_be_checkpointed() -> None:
    with pytest.raises(LeadlineError, match="can't checkpoint gradients"):
        start_model({"architecture": "midas-tiny", "gradient_checkpointing": True})
