"""The networks of a server, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Predictor
from leadline.runtime.segmenter import Segmenter, load_segmenter
from leadline.runtime.segmenter_card import SegmenterCard
from leadline.runtime.stereo import SEMI_GLOBAL, StereoPredictor, load_stereo_predictor
from leadline.server.errors import Refusal

Matchers = Mapping[str, Callable[[bool], StereoPredictor]]


class Models:
    """What a server can ask.

    Attributes:
        predictors: of pictures, by card name; the first is the default.
        matchers: of pairs, by name: functions from ``fill`` to a matcher; the first is the default.
        segmenter: of glass, mirrors and sky, or None.
    """

    def __init__(self, predictors: Mapping[str, Predictor], matchers: Matchers, segmenter: Segmenter | None) -> None:
        if not predictors:
            raise LeadlineError("a server without a model: give at least one predictor")
        self.predictors = {predictor.card.name: predictor for predictor in predictors.values()}
        self._also = dict(predictors)
        self.matchers, self.segmenter = matchers, segmenter

    @property
    def default(self) -> str:
        """The name of the default network."""
        return next(iter(self.predictors))

    @property
    def streams(self) -> int:
        """How many calls the networks run at once."""
        return max(int(getattr(predictor, "streams", 1)) for predictor in self.predictors.values())

    def predictor(self, name: str | None) -> Predictor:
        """Return a network by its card's name, with or without the tag; None for the default.

        Raises:
            Refusal: 404.
        """
        if name is None:
            return self.predictors[self.default]
        for known in (self.predictors, self._also, {full.rpartition(".")[0]: p for full, p in self.predictors.items()}):
            if name in known:
                return known[name]
        raise _unknown(name, self.predictors)

    def matcher(self, name: str | None, fill: bool) -> tuple[str, StereoPredictor]:
        """Return a matcher and its name.

        Raises:
            Refusal: 404.
        """
        chosen = name or next(iter(self.matchers), "")
        if chosen not in self.matchers:
            raise _unknown(chosen, self.matchers)
        return chosen, self.matchers[chosen](fill)

    def rows(self) -> list[dict[str, Any]]:
        """Return what GET /v1/models lists."""
        cards = [(name, "depth", predictor.card) for name, predictor in self.predictors.items()]
        cards += [(name, "stereo", make(False).card) for name, make in self.matchers.items()]
        defaults = (self.default, next(iter(self.matchers), None))
        rows = [_row(name, task, card, str(card.kind), card.kind.unit, name in defaults) for name, task, card in cards]
        if self.segmenter is not None:
            seen = self.segmenter.card
            rows.append(_row(seen.name, "mask", seen, seen.kind, "", True))
        return rows


def _row(name: str, task: str, card: ModelCard | SegmenterCard, kind: str, unit: str, default: bool) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "unit": unit or "none",
        "licence": card.licence,
        "input_size": card.input_size,
        "notes": card.notes,
        "default": default,
        "task": task,
    }


def load_matchers(name: str = SEMI_GLOBAL) -> Matchers:
    """Return semi-global matching, and a stereo network before it if one is named.

    Raises:
        LeadlineError: see `leadline.runtime.stereo.load_stereo_predictor`.
    """
    semi_global = {SEMI_GLOBAL: lambda fill: load_stereo_predictor(SEMI_GLOBAL, fill=fill)}
    if name == SEMI_GLOBAL:
        return semi_global
    network = load_stereo_predictor(name)
    return {network.card.name: lambda _: network, **semi_global}


def shipped_segmenter() -> Segmenter | None:
    """Return the segmenter that ships with leadline, or None where its weights are missing."""
    try:
        return load_segmenter()
    except LeadlineError:
        return None


def _unknown(name: str, known: Mapping[str, Any]) -> Refusal:
    return Refusal(404, "no_model", f"no model {name[:80]!r} here: expected one of {', '.join(known) or 'none'}")
