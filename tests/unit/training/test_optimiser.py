from __future__ import annotations

import pytest
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.models.registry import make_model
from leadline.training.config import OptimiserConfig
from leadline.training.optimiser import encoder_block, freeze, make_optimiser, training_mode


class Deep(nn.Module):
    """An encoder of a stem, two stages of two blocks, and tokens; a head with a norm of two dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.stem = nn.Conv2d(3, 4, 1)
        self.encoder.stages = nn.ModuleList(nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)) for _ in range(11))
        self.encoder.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.head = nn.Sequential(nn.LayerNorm((4, 2)), nn.Linear(2, 1))


def homes(network: nn.Module, config: OptimiserConfig) -> dict[str, dict[str, float]]:
    groups = make_optimiser(network, config).param_groups
    found = {id(p): group for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(found)  # none twice
    return {name: found[id(p)] for name, p in network.named_parameters() if id(p) in found}


def test_encoder_and_decoder_learn_at_their_own_rates_and_biases_do_not_decay() -> None:
    network = make_model("leadline-tiny")
    for name, group in homes(network, OptimiserConfig(lr=3.0, encoder_lr=2.0, weight_decay=0.5)).items():
        assert group["peak_lr"] == (2.0 if name.startswith("encoder.") else 3.0)
        assert group["weight_decay"] == (0.5 if network.get_parameter(name).ndim > 1 else 0.0)


def test_norms_and_tokens_do_not_decay_whatever_their_shape() -> None:
    found = homes(Deep(), OptimiserConfig(weight_decay=0.5))
    without = {name for name, group in found.items() if group["weight_decay"] == 0}
    assert {"head.0.weight", "head.0.bias", "encoder.cls_token", "encoder.stages.3.1.weight", "head.1.bias"} <= without
    assert found["head.1.weight"]["weight_decay"] == found["encoder.stem.weight"]["weight_decay"] == 0.5


def test_the_rate_falls_block_by_block_from_the_last_of_the_encoder_to_the_picture() -> None:
    class Ordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential()
            self.encoder.add_module("stem", nn.Conv2d(3, 4, 1))
            self.encoder.add_module("stages", nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(11)))
            self.encoder.add_module("last_norm", nn.LayerNorm(4))
            self.head = nn.Conv2d(4, 1, 1)

    found = homes(Ordered(), OptimiserConfig(lr=3.0, encoder_lr=2.0, layer_decay=0.5))
    assert found["head.weight"]["peak_lr"] == 3.0
    assert found["encoder.stages.10.bias"]["peak_lr"] == found["encoder.last_norm.bias"]["peak_lr"] == 2.0
    assert found["encoder.stages.9.bias"]["peak_lr"] == 1.0  # ten blocks come after nine, not after one
    assert found["encoder.stages.1.weight"]["peak_lr"] == 2.0 * 0.5**9
    assert found["encoder.stem.weight"]["peak_lr"] == 2.0 * 0.5**11


def test_frozen_blocks_keep_the_rates_of_the_others() -> None:
    free, frozen = Deep(), Deep()
    freeze(frozen, ["encoder.stem", "encoder.stages.0"])
    config = OptimiserConfig(layer_decay=0.7)
    one, two = homes(free, config), homes(frozen, config)
    assert set(one) - set(two) == {name for name in one if name.startswith(("encoder.stem.", "encoder.stages.0."))}
    assert all(one[name]["peak_lr"] == two[name]["peak_lr"] for name in two)


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("encoder.stages.3.1.expand.conv.weight", "stages.3"),
        ("encoder.stem.conv.weight", "stem"),
        ("encoder.encoder.layer.11.attention.query.bias", "encoder.layer.11"),
        ("encoder.cls_token", "cls_token"),
    ],
)
def test_a_block_ends_at_the_first_number_of_a_name(name: str, block: str) -> None:
    assert encoder_block(name) == block


def test_freezing_takes_whole_parts_of_names() -> None:
    network = Deep()
    freeze(network, ["encoder.stages.1"])
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {f"encoder.stages.1.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")}  # and not stage 10


def test_a_layer_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(LeadlineError, match=r"model\.freeze=encodr\.stem: .* did you mean encoder\.stem\?"):
        freeze(Deep(), ["encodr.stem"])


def test_nothing_to_train_and_a_decay_that_is_no_share_are_refused() -> None:
    network = Deep()
    with pytest.raises(LeadlineError, match=r"optimiser\.layer_decay=1\.5: expected more than 0 and at most 1"):
        make_optimiser(network, OptimiserConfig(layer_decay=1.5))
    freeze(network, ["encoder", "head"])
    with pytest.raises(LeadlineError, match="every parameter of the network is frozen"):
        make_optimiser(network, OptimiserConfig())


def test_only_frozen_batch_normalisations_stop_following_the_batches() -> None:
    network = Deep()
    freeze(network, ["encoder.stages.0"])
    training_mode(network)
    modes = {name: m.training for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert modes.pop("encoder.stages.0.1") is False
    assert set(modes.values()) == {True}
