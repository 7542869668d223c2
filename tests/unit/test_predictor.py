import json

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction, Predictor

CARD = ModelCard(
    name="toy.v1",
    kind=RELATIVE_DISPARITY,
    licence="Apache-2.0",
    mean=(1.0, 2.0, 3.0),
    size_multiple=14,
    input_size=518,
    resize_side="shorter",
    training_data=("analytic (Apache-2.0)", "größere Welt"),
    scores={"midas": {"abs_rel": 0.125}},
    notes="A note.",
    sha256="ab" * 32,
)


class Flat:
    """The smallest predictor: everything is equally far."""

    @property
    def card(self) -> ModelCard:
        return CARD

    def __call__(self, image: np.ndarray, camera: Camera | None = None) -> Prediction:
        return Prediction(DepthMap(np.ones(image.shape[:2]), kind=self.card.kind, camera=camera, source=self.card.name))


def test_a_card_reads_back_what_it_writes() -> None:
    assert ModelCard.from_json(CARD.to_json()) == CARD


def test_a_card_needs_no_more_than_name_and_kind() -> None:
    card = ModelCard.from_json('{"name": "x.v1", "kind": "depth/metric"}')
    assert (card.name, str(card.kind), card.licence) == ("x.v1", "depth/metric", "unknown")


def test_a_card_keeps_letters_of_any_language_readable() -> None:
    assert "größere Welt" in CARD.to_json()


@pytest.mark.parametrize("text", ["", "[]", "3", "null", '"x"', "{}", '{"name": "x"}', '{"name": "x", "kind": 5}', "{"])
def test_what_is_no_card_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(LeadlineError) as caught:
        ModelCard.from_json(text)
    assert "\n" not in str(caught.value)


def test_unknown_keys_of_a_card_are_named() -> None:
    with pytest.raises(LeadlineError, match="license"):
        ModelCard.from_json(json.dumps({"name": "x", "kind": "depth/metric", "license": "MIT"}))


def test_an_unknown_kind_on_a_card_is_refused() -> None:
    with pytest.raises(LeadlineError, match="unknown kind 'deep'"):
        ModelCard.from_json('{"name": "x", "kind": "deep"}')


@pytest.mark.parametrize("fields", [{"resize_side": "both"}, {"size_multiple": 0}, {"size_multiple": 64, "input_size": 32}])
def test_impossible_sizes_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(LeadlineError, match="expected"):
        ModelCard(name="x", kind=RELATIVE_DISPARITY, **fields)  # type: ignore[arg-type]


def test_anything_with_a_card_that_can_be_called_is_a_predictor() -> None:
    predictor: Predictor = Flat()
    prediction = predictor(np.zeros((4, 6, 3), np.uint8))
    assert prediction.depth.hw == (4, 6)
    assert prediction.depth.kind == predictor.card.kind
    assert prediction.uncertainty is None
