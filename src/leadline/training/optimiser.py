"""Which parameters learn, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from leadline.errors import LeadlineError
from leadline.training.config import OptimiserConfig

ENCODER = "encoder."
# Kernels and matrices decay; what shifts, scales or stands for a place in the picture does not.
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
NOT_DECAYED = ("token", "position_embedding", "pos_embed", "relative_position")


def make_optimiser(network: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    """Return AdamW over the parameters that are not frozen, grouped by learning rate and weight decay.

    A group's "peak_lr" is `lr`, or for parameters of the child `encoder`, `encoder_lr` times layer_decay^(K - 1 - k) in its
    block k of K, counted from the picture (layer-wise decay as in ELECTRA, arXiv 2003.10555, and BEiT, arXiv 2106.08254, where
    the head counts as one more block; here the last block learns at `encoder_lr` itself). A block is what lies at the first
    number in a name (``stages.3``, ``layers.11``) or, without one, at its first part (``stem``).

    Raises:
        LeadlineError: layer_decay is no share, or everything is frozen.
    """
    if not 0 < config.layer_decay <= 1:
        raise LeadlineError(f"optimiser.layer_decay={config.layer_decay:g}: expected more than 0 and at most 1 (0.65 to 0.9)")
    learning = [(name, p, decays) for name, p, decays in _parameters(network) if p.requires_grad]
    if not learning:
        raise LeadlineError("every parameter of the network is frozen: expected model.freeze to leave some to train")
    # Frozen blocks count too: freezing the first ones leaves the rates of the others.
    depths, blocks = _encoder_depths(network)
    groups: dict[tuple[int | None, bool], list[nn.Parameter]] = {}
    for name, parameter, decays in learning:
        # With one rate the encoder is one group, however deep.
        depth = depths.get(name) if config.layer_decay < 1 or name not in depths else blocks - 1
        groups.setdefault((depth, decays), []).append(parameter)
    rates = {depth: _rate(depth, blocks, config) for depth, _ in groups}
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak_lr": rates[depth],
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (depth, decays), parameters in groups.items()
        ],
        lr=config.lr,
        betas=config.betas,
        fused=True,
    )


def encoder_block(name: str) -> str:
    """Return the block of the encoder that a parameter belongs to: ``encoder.stages.3.1.norm.bias`` to ``stages.3``."""
    parts = name.removeprefix(ENCODER).split(".")
    number = next((i for i, part in enumerate(parts) if part.isdigit()), None)
    return parts[0] if number is None else ".".join(parts[: number + 1])


def freeze(network: nn.Module, beginnings: Sequence[str]) -> None:
    """Stop training all parameters whose dotted name begins with one of `beginnings`, in whole parts.

    Raises:
        LeadlineError: a beginning fits no parameter; the message names the nearest that does.
    """
    names = [name for name, _ in network.named_parameters()]
    for beginning in beginnings:
        chosen = [name for name in names if f"{name}.".startswith(f"{beginning}.")]
        if not chosen:
            known = list(dict.fromkeys(start for name in names for start in _beginnings(name)))
            near = get_close_matches(beginning, known, n=1, cutoff=0.0)
            raise LeadlineError(f"model.freeze={beginning}: no parameter's name begins so; did you mean {near[0]}?")
        for name in chosen:
            network.get_parameter(name).requires_grad_(False)


def training_mode(network: nn.Module) -> None:
    """Put a network into training mode, but leave batch normalisations whose parameters are all frozen in evaluation mode.

    Otherwise their running statistics would go on following the batches, and the frozen layers would change after all.
    """
    network.train()
    for module in network.modules():
        if isinstance(module, _NormBase):
            parameters = list(module.parameters(recurse=False))
            if parameters and not any(p.requires_grad for p in parameters):
                module.eval()


def _parameters(network: nn.Module) -> Iterator[tuple[str, nn.Parameter, bool]]:
    """Yield name, parameter and whether it decays, each parameter once, in the network's own order."""
    norms = {id(p) for m in network.modules() if isinstance(m, NORMS) for p in m.parameters(recurse=False)}
    for name, parameter in network.named_parameters():
        last = name.rpartition(".")[2]
        kept = parameter.ndim < 2 or id(parameter) in norms or any(part in last for part in NOT_DECAYED)
        yield name, parameter, not kept


def _rate(depth: int | None, blocks: int, config: OptimiserConfig) -> float:
    if depth is None:
        return config.lr
    return config.encoder_lr * config.layer_decay ** (blocks - 1 - depth)


def _encoder_depths(network: nn.Module) -> tuple[dict[str, int], int]:
    """Return the block's position for each parameter of the encoder, and how many blocks there are."""
    depths: dict[str, int] = {}
    positions: dict[str, int] = {}
    numbered = False
    for name, _ in network.named_parameters():
        if not name.startswith(ENCODER):
            continue
        block = encoder_block(name)
        if block not in positions:
            counted = block.rpartition(".")[2].isdigit()
            # What has no number and comes after those that have one, such as a last norm, belongs to the last of them.
            positions[block] = max(positions.values()) if numbered and not counted else len(set(positions.values()))
            numbered = numbered or counted
        depths[name] = positions[block]
    return depths, len(set(positions.values()))


def _beginnings(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
