"""The protocols that users name by string."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from leadline.depth_map import Kind
from leadline.errors import LeadlineError
from leadline.evaluation.fitting import reason_to_refuse
from leadline.evaluation.protocol import Protocol

# In the order of the list that `leadline evaluate --list` prints.
_FAMILIES = (
    "general", "midas", "depth_anything", "kitti", "nyu", "moge", "marigold", "unidepth", "boundary", "ordinal", "metric_sets",
    "surfaces", "stereo", "structural",
)  # fmt: skip


@cache
def all_protocols() -> tuple[Protocol, ...]:
    """Return every protocol, a family after the other."""
    return tuple(
        protocol for family in _FAMILIES for protocol in import_module(f"leadline.evaluation.protocols.{family}").PROTOCOLS
    )


def get_protocol(name: str) -> Protocol:
    """Return a protocol by name.

    Raises:
        LeadlineError: there is none of this name.
    """
    known = {protocol.name: protocol for protocol in all_protocols()}
    if name not in known:
        near = get_close_matches(name, known, 3, 0.3) or sorted(known)[:3]
        raise LeadlineError(f"unknown protocol {name!r}: did you mean {' or '.join(near)}? leadline evaluate --list shows all")
    return known[name]


def protocols_for(kind: Kind, datasets: Sequence[str] = ()) -> list[str]:
    """Return the names of the protocols that maps of a kind can be scored under.

    Args:
        kind: of the predictions.
        datasets: those that share one of these come first, then those for any data set, then the others.
    """
    fitting = [protocol for protocol in all_protocols() if not reason_to_refuse(kind, protocol)]
    ranks = {p.name: 0 if set(p.datasets) & set(datasets) else 1 if not p.datasets else 2 for p in fitting}
    return sorted(ranks, key=ranks.__getitem__)
