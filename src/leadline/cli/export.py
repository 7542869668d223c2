"""``leadline export``: a trained network as an ONNX file that is verified before it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def export(
    model: Path,
    /,
    *,
    to: Literal["onnx", "openvino"] = "onnx",
    out: Path | None = None,
    name: str | None = None,
    half: Annotated[bool, Parameter(negative=())] = False,
    card: Path | None = None,
) -> int:
    """Export a checkpoint for inference with dynamic height, width and batch, and verify it at several shapes.

    Parameters
    ----------
    model
        A checkpoint folder of `leadline train`.
    to
        onnx, or openvino's IR.
    out
        File to write; by default beside the checkpoint.
    name
        The name on the card, architecture.tag, for instance leadline-s.v1.
    half
        Store the weights in half precision (half the size; computing stays in single precision).
    card
        A model card (JSON) to take licence, training data and notes from; its name and checksum are set anew.
    """
    from leadline.errors import LeadlineError
    from leadline.export import export_checkpoint
    from leadline.models.stereo.registry import is_stereo_run
    from leadline.models.tom_segmenter import is_segmenter_run
    from leadline.predictor import read_card

    if is_segmenter_run(model):
        from leadline.export.segmenter import export_segmenter
        from leadline.runtime.segmenter_card import read_segmenter_card

        if to != "onnx":
            raise LeadlineError(f"--to {to} for the segmenter {model}: expected onnx, which is all that reads segmenters")
        about = None if card is None else read_segmenter_card(card)
        print(export_segmenter(model, out, name=name, half=half, card=about))
        return 0
    template = None if card is None else read_card(card)
    if is_stereo_run(model):
        from leadline.export.stereo import export_stereo

        if to != "onnx" or half:
            raise LeadlineError(f"--half or --to {to} for the stereo network {model}: expected neither, it is exported as ONNX")
        print(export_stereo(model, out, name=name, card=template))
        return 0
    written = export_checkpoint(model, out, to=to, name=name, half=half, card=template)
    print(written)
    return 0
