"""From what a user calls a model to its predictor, for the commands that write result pages."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from leadline.predictor import Predictor


def load(name: str) -> Predictor:
    """Return a predictor.

    Args:
        name: a shipped network, an ONNX file, or a run of `leadline train` or one of its checkpoints.

    Raises:
        LeadlineError: there is no such model.
    """
    if Path(name).is_dir():
        # Scoring needs no network: the one source that knows checkpoints is asked for by name, and only for one.
        predictor: Predictor = import_module("leadline.cli.load").load(name)
        return predictor
    from leadline.runtime.predictor import load_predictor

    return load_predictor(name)
