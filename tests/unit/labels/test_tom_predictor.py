import numpy as np
import pytest
from tests.unit.labels.painted_networks import HW, RedIsNear, box, picture

from leadline.errors import LeadlineError
from leadline.io.image import Photo
from leadline.labels import TomPredictor, VirtualOptions
from leadline.labels.tom_predictor import MaskedPhoto
from leadline.sample import Sample

IMAGE, MASK = picture(), box()
INSIDE = MASK > 0


def test_the_merged_map_is_sharp_outside_and_virtual_inside():
    network = RedIsNear()
    prediction = TomPredictor(network, MASK)(IMAGE)
    assert len(network.seen) == 6
    np.testing.assert_array_equal(prediction.depth.values[~INSIDE], IMAGE[~INSIDE, 0])
    assert np.ptp(prediction.depth.values[INSIDE]) < 1e-3
    assert prediction.uncertainty.shape == HW
    assert prediction.depth.source == "red.v1, virtual depth of 5 colours, inside the mask alone"


def test_without_the_merge_the_whole_map_is_virtual_and_takes_a_prediction_less():
    network = RedIsNear()
    prediction = TomPredictor(network, MASK, merge=False, options=VirtualOptions(colours=3))(IMAGE)
    assert len(network.seen) == 3
    assert prediction.depth.source == "red.v1, virtual depth of 3 colours"


def test_the_mask_may_come_from_a_function_of_the_picture_or_with_the_call():
    dark = TomPredictor(RedIsNear(), lambda image: image[..., 0] < 128)
    assert "inside the mask" in dark(IMAGE).depth.source
    bare = TomPredictor(RedIsNear())
    np.testing.assert_array_equal(bare(IMAGE, mask=MASK).depth.values, TomPredictor(RedIsNear(), MASK)(IMAGE).depth.values)
    with pytest.raises(LeadlineError, match="no mask of glass and mirrors"):
        bare(IMAGE)


def test_its_card_has_a_name_of_its_own_and_claims_no_score():
    card = TomPredictor(RedIsNear(), MASK).card
    assert card.name == "red.v1+tom"
    assert card.scores == {}


def test_a_photo_without_a_mask_is_predicted_plainly_and_says_so():
    tom = TomPredictor(RedIsNear())
    photo = tom.predict_photo(MaskedPhoto(IMAGE, HW, None, None))
    assert photo.notes == ("no mask: this is the plain prediction",)
    np.testing.assert_array_equal(photo.depth.values, IMAGE[..., 0])
    empty = tom.predict_photo(MaskedPhoto(IMAGE, HW, None, np.zeros(HW)))
    assert empty.notes == ("the mask is empty: this is the plain prediction",)
    assert "inside the mask" in TomPredictor(RedIsNear(), MASK).predict_photo(Photo(IMAGE, HW)).depth.source


def test_samples_bring_their_own_masks():
    tom = TomPredictor(RedIsNear(), options=VirtualOptions(alike="instance"))
    mirrors = tom.predict_sample(Sample("s", IMAGE, masks={"material": 2 * MASK, "instance": MASK + 3}))
    classes = tom.predict_sample(Sample("s", IMAGE, masks={"mask_cat": np.where(INSIDE, 3, 1)}))
    np.testing.assert_array_equal(mirrors.depth.values, classes.depth.values)
    with pytest.raises(LeadlineError, match="s has no mask 'material'"):
        tom.predict_sample(Sample("s", IMAGE))
