"""``leadline models list|info``: which networks there are, and what their cards say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from pathlib import Path

    from leadline.predictor import ModelCard
    from leadline.runtime.segmenter_card import SegmenterCard

app = App(name="models", help="List the networks at hand, or show a network's card.")


@app.command(name="list")
def list_(*, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """List the shipped networks: name, kind, licence, size.

    Parameters
    ----------
    json
        One JSON object a line.
    """
    import json as json_module

    from leadline.runtime.predictor import list_models
    from leadline.runtime.segmenter import list_segmenters

    networks: list[tuple[ModelCard | SegmenterCard, Path]] = [*list_models(), *list_segmenters()]
    for card, path in networks:
        size = path.stat().st_size / 1e6
        if json:
            print(json_module.dumps({**json_module.loads(card.to_json()), "megabytes": round(size, 2)}, ensure_ascii=False))
        else:
            print(f"{card.name}  {card.kind}  {card.licence}  {size:.1f} MB")
    return 0


@app.command
def info(model: str, /, *, kind: str | None = None) -> int:
    """Print the card of a network: a shipped name or an ONNX file.

    Parameters
    ----------
    model
        A name from `leadline models list`, or a file such as net.onnx.
    kind
        What the file's numbers mean, if it has no card: for instance disparity/affine_invariant.
    """
    from leadline.runtime.predictor import load_card
    from leadline.runtime.segmenter import list_segmenters

    for card, _ in list_segmenters():
        if model in (card.name, card.name.rpartition(".")[0]):
            print(card.to_json())
            return 0
    print(load_card(model, kind=kind).to_json())
    return 0
