"""training/fabric_methods.py: methods that tasks call run in Fabric's precision."""

from __future__ import annotations

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from leadline.training.fabric_methods import mark_methods


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.seen: list[torch.dtype] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.views(x)

    def views(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)
        self.seen.append(out.dtype)
        return out


@pytest.mark.parametrize(("precision", "dtype"), [("bf16-mixed", torch.bfloat16), ("32-true", torch.float32)])
def test_a_marked_method_runs_in_fabrics_precision_on_one_device(precision, dtype) -> None:
    network = Network()
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    wrapped = fabric.setup(network)
    mark_methods(wrapped, ("views",))
    assert wrapped.views(torch.ones(1, 2)).dtype == torch.float32  # as forward's answer
    wrapped(torch.ones(1, 2))
    fabric.backward(wrapped.views(torch.ones(1, 2)).sum())
    assert network.seen == [dtype] * 3
    assert network.layer.weight.grad is not None
    assert "views" not in vars(network)


def test_a_network_without_fabric_is_left_as_it_is() -> None:
    network = Network()
    mark_methods(network, ("views",))
    assert network.views(torch.ones(1, 2)).dtype == torch.float32
    assert "views" not in vars(network)
