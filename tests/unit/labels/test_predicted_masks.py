import json

import numpy as np
import pytest
from PIL import Image
from tests.unit.labels.painted_networks import HW, RedIsNear, box, picture

from leadline.io.image import Photo
from leadline.labels import TomPredictor
from leadline.labels.predicted_masks import PredictedMasks
from leadline.labels.virtual_folder import Picture, label_virtual
from leadline.runtime.segmenter import Segmenter
from leadline.runtime.segmenter_card import SegmenterCard

IMAGE, INSIDE = picture(), box() > 0
CARD = SegmenterCard("box.v1", sha256="ab12", size_multiple=1, input_size=max(HW))


class Box:
    """A network that finds a mirror where the test's box is."""

    def run(self, batch):
        mirror = INSIDE.astype(np.float32)
        return np.stack([1 - mirror, 0 * mirror, mirror, 0 * mirror])[None]


def test_a_segmenter_gives_the_mask_of_a_predictor():
    segment = Segmenter(Box(), CARD)
    np.testing.assert_array_equal(segment.surfaces(IMAGE), 2 * INSIDE)
    found, marked = (TomPredictor(RedIsNear(), mask)(IMAGE).depth for mask in (segment.surfaces, 2 * INSIDE))
    np.testing.assert_array_equal(found.values, marked.values)


@pytest.mark.parametrize(("mask", "note"), [(np.zeros(HW), "no glass or mirror was found"), (np.ones(HW), "all was taken for")])
def test_where_nothing_or_everything_is_found_the_prediction_is_plain_and_says_so(mask, note):
    network = RedIsNear()
    prediction = TomPredictor(network, lambda image: mask).predict_photo(Photo(IMAGE, HW))
    np.testing.assert_array_equal(prediction.depth.values, IMAGE[..., 0])
    assert len(network.seen) == 1
    assert len(prediction.notes) == 1
    assert prediction.notes[0].startswith(note)
    assert prediction.notes[0].endswith(": this is the plain prediction")


def test_a_folder_of_labels_records_which_segmenter_found_the_masks(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    masks = PredictedMasks(Segmenter(Box(), CARD))
    (row,) = label_virtual([Picture(tmp_path / "a.png", tmp_path / "a")], RedIsNear(), masks, tmp_path / "out")
    assert row.state == "done", row.error
    record = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert record["settings"]["masks_as"] == "predicted by box.v1 ab12"
    assert record["runs"][0]["inputs"]["masks"] == "box.v1"
