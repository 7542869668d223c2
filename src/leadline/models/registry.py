"""The networks that users name by string, as ``architecture`` or ``architecture.weights_tag``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from leadline.errors import LeadlineError
from leadline.models.leadline_net import LeadlineNet

_ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "leadline-s": partial(LeadlineNet, variant=0, widths=(48, 96, 160, 256), context_blocks=2),
    "leadline-m": partial(LeadlineNet, variant=2, widths=(64, 128, 192, 320), context_blocks=3),
    "leadline-tiny": partial(LeadlineNet, variant=0, widths=(8, 8, 8, 16), context_blocks=1, head_width=8),  # for tests
}


def architecture_names() -> list[str]:
    """Return all architectures, sorted."""
    return sorted(_ARCHITECTURES)


def make_model(name: str) -> nn.Module:
    """Return a network with random weights, (N, 3, h, w) to (N, h, w) disparity/affine_invariant.

    Args:
        name: ``"leadline-s"`` or ``"leadline-s.v1"``; the weights' tag is for people, load them with `load_weights`.

    Raises:
        LeadlineError: no such architecture.
    """
    architecture = name.partition(".")[0]
    if architecture not in _ARCHITECTURES:
        raise LeadlineError(f"unknown network {name!r}: expected one of {', '.join(architecture_names())}")
    return _ARCHITECTURES[architecture]()


def load_weights(network: nn.Module, path: Path | str) -> None:
    """Load a safetensors file into a network; the names must match exactly.

    Raises:
        LeadlineError: the file is missing, no safetensors file, or belongs to another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise LeadlineError(f"can't read weights {path} ({error}): expected a .safetensors file") from None
    ours = network.state_dict()
    wrong = sorted(set(ours) ^ set(state)) + sorted(k for k in set(ours) & set(state) if ours[k].shape != state[k].shape)
    if wrong:
        raise LeadlineError(
            f"{path} does not fit this network: {wrong[0]} and {len(wrong) - 1} more differ; which architecture is it?"
        )
    network.load_state_dict(state)
