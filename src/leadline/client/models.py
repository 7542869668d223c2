"""What a server offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadline.depth_map import Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard


@dataclass(frozen=True)
class ServerModel:
    """One network of a server.

    Attributes:
        name: of its card.
        kind: what its output means.
        unit: "m", "1/m", "px" or "none".
        licence: of the weights.
        input_size: the length that it works best at, in pixels.
        notes: anything a user should know.
        default: whether it answers requests that name none.
        task: "depth", "stereo" or "mask".
    """

    name: str
    kind: str
    unit: str
    licence: str
    input_size: int
    notes: str
    default: bool
    task: str

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ServerModel:
        """Read a row of GET /v1/models.

        Raises:
            LeadlineError: it is none.
        """
        try:
            return cls(
                str(row["name"]), str(row["kind"]), str(row["unit"]), str(row["licence"]), int(row["input_size"]),
                str(row["notes"]), bool(row["default"]), str(row["task"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise LeadlineError(f"a list of models that can't be read ({error!r}): is this a leadline server?") from None

    def card(self) -> ModelCard:
        """Return the card, as far as the server tells it.

        Raises:
            LeadlineError: it is no network of depth.
        """
        return ModelCard(
            self.name, Kind.parse(self.kind), self.licence, size_multiple=1, input_size=self.input_size, notes=self.notes
        )
