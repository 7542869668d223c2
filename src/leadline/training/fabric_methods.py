"""Methods of a network, besides `forward`, that training calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn


def mark_methods(network: nn.Module, names: Sequence[str]) -> None:
    """Have methods of a network run as Fabric runs its `forward`: in Fabric's precision, across Fabric's devices.

    Fabric (2.6) sends marked methods through its own `forward` where a strategy such as DDP wraps the network. On one device it
    calls them as they are, in float32 whatever the precision; here they go the same way there.

    Args:
        network: as Fabric wraps it; nothing is done to any other.
        names: of methods.
    """
    wrapped: Any = network
    if not hasattr(network, "mark_forward_method"):
        return
    for name in names:
        wrapped.mark_forward_method(name)
        object.__setattr__(network, name, wrapped._redirection_through_forward(name))  # on the wrapper, not on the network
