from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from leadline.errors import LeadlineError
from leadline.models.blocks.scene_context import cell_positions
from leadline.models.registry import load_weights, make_model


@pytest.mark.parametrize("name", ["leadline-s", "leadline-m"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network = make_model(name)
    network(torch.randn(1, 3, 32, 64)).square().mean().backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("hw", [(32, 32), (64, 160), (33, 47), (40, 250)])
def test_odd_sizes_come_back_at_their_own_size_finite_and_non_negative(hw: tuple[int, int]) -> None:
    with torch.no_grad():
        out = make_model("leadline-tiny").eval()(torch.randn(2, 3, *hw))
    assert out.shape == (2, *hw)
    assert torch.isfinite(out).all()
    assert (out >= 0).all()


def test_pictures_in_a_batch_do_not_see_each_other() -> None:
    network = make_model("leadline-tiny").eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network(images)[:1], network(images[:1]), rtol=1e-4, atol=1e-5)


def test_cell_positions_are_centred_and_keep_the_aspect_ratio() -> None:
    positions = cell_positions(2, 4, torch.zeros(1)).reshape(2, 4, 2)
    assert positions[0, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert positions[:, 0, 1].tolist() == [-0.25, 0.25]  # rows, in units of half the longer side


def test_the_weights_tag_is_not_part_of_the_architecture() -> None:
    assert type(make_model("leadline-tiny.v1")) is type(make_model("leadline-tiny"))


def test_an_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LeadlineError, match="leadline-s"):
        make_model("leadline-xxl.v1")


def test_weights_round_trip_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    network, other = make_model("leadline-tiny"), make_model("leadline-tiny")
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True))
    with pytest.raises(LeadlineError, match="does not fit this network"):
        load_weights(make_model("leadline-s"), tmp_path / "w.safetensors")
    (tmp_path / "no.safetensors").write_text("no")
    with pytest.raises(LeadlineError, match="can't read weights"):
        load_weights(other, tmp_path / "no.safetensors")
