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

# Module -> title, in the order of the list that `leadline evaluate --list` prints.
FAMILIES = {
    "general": "For any data set",
    "midas": "MiDaS, zero-shot (its sixth set, DIW, is below)",
    "depth_anything": "Depth Anything, relative",
    "kitti": "KITTI, Eigen split",
    "nyu": "NYUv2",
    "moge": "MoGe",
    "marigold": "Marigold",
    "unidepth": "UniDepth",
    "boundary": "Depth Pro, boundaries",
    "ordinal": "Pairs of points",
    "metric_sets": "ETH3D, DIODE, Sintel, Make3D, DDAD, SUN RGB-D",
    "surfaces": "Glass and mirrors",
    "stereo": "Stereo",
    "structural": "SSIM",
}


@cache
def all_protocols() -> tuple[Protocol, ...]:
    """Return every protocol, a family after the other."""
    return tuple(protocol for family in FAMILIES for protocol in protocols_of(family))


def protocols_of(family: str) -> tuple[Protocol, ...]:
    """Return the protocols of one of the `FAMILIES`."""
    found: tuple[Protocol, ...] = import_module(f"leadline.evaluation.protocols.{family}").PROTOCOLS
    return found


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
