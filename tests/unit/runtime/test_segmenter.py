import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.runtime.colour_segmenter import CARD, write_colour_segmenter

from leadline.errors import LeadlineError
from leadline.runtime import predictor as depth_networks
from leadline.runtime import segmenter as segmenters
from leadline.runtime.predictor import list_models, load_predictor
from leadline.runtime.segmenter import Segmenter, list_segmenters, load_segmenter
from leadline.runtime.segmenter_card import SegmenterCard, is_segmenter_card, read_segmenter_card

pytest.importorskip("onnx", reason="onnx writes the tests' networks; it comes with the extra 'train'")


def picture(hw=(48, 80)):
    """Grey, with a red, a blue and a green quarter."""
    pixels = np.full((*hw, 3), 90, np.uint8)
    h, w = hw[0] // 2, hw[1] // 2
    pixels[:h, :w], pixels[:h, w:], pixels[h:, :w] = (220, 20, 20), (20, 20, 220), (20, 220, 20)
    return pixels


def test_each_pixel_gets_its_class_at_the_size_of_the_picture(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx"))
    for hw in ((48, 80), (301, 200), (20, 30)):
        classes = segment(picture(hw))
        assert classes.shape == hw
        assert classes.dtype == np.uint8
        h, w = hw
        assert [classes[h // 4, w // 4], classes[h // 4, 3 * w // 4], classes[3 * h // 4, w // 4]] == [1, 2, 3]
        assert classes[3 * h // 4, 3 * w // 4] == 0


def test_probabilities_add_up_and_the_likeliest_is_the_class(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx", sharpness=3.0))
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    found = segment.probabilities(image)
    assert found.shape == (4, 60, 90)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(0), segment(image))


def test_surfaces_are_a_mask_without_the_sky(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx"))
    assert set(np.unique(segment.surfaces(picture()))) == {0, 1, 2}
    assert set(np.unique(segment(picture()))) == {0, 1, 2, 3}


def test_surfaces_are_marked_where_the_segmenter_is_sure(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx", sharpness=3.0))
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    _, glass, mirror, _ = segment.probabilities(image)
    for sure in (0.3, 0.7):
        expected = np.where(glass + mirror > sure, np.where(mirror > glass, 2, 1), 0)
        np.testing.assert_array_equal(segment.surfaces(image, sure), expected)
    np.testing.assert_array_equal(segment.surfaces(image), expected)
    assert (segment.surfaces(image, 0.3) > 0).sum() > (segment.surfaces(image) > 0).sum() > 0


def test_specks_are_no_sky(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx"))
    image = picture((480, 800))
    image[100:116, 100:116] = (20, 220, 20)  # 0.07 % of the picture, in the red quarter
    assert (segment(image)[100:116, 100:116] == 3).sum() > 150
    sky = segment.sky(image)
    assert not sky[:240].any()
    np.testing.assert_array_equal(sky[240:], segment(image)[240:] == 3)
    np.testing.assert_array_equal(segment.sky(image, smallest=0.0), segment(image) == 3)


def test_a_picture_of_another_type_is_refused(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx"))
    with pytest.raises(LeadlineError, match="a picture of float64"):
        segment(picture() / 255)


@pytest.mark.parametrize("name", ["auto", "leadline-tom-seg.v1"])
def test_missing_weights_are_one_clear_line(name, tmp_path, monkeypatch):
    monkeypatch.setattr(segmenters, "weights_folder", lambda: tmp_path)
    with pytest.raises(LeadlineError) as caught:
        load_segmenter(name)
    assert str(caught.value).startswith("the weights of leadline-tom-seg.v1 are not in this install: train them")
    assert "\n" not in str(caught.value)
    with pytest.raises(LeadlineError, match=r"no segmenter 'other': expected one of those shipped \(none are shipped\)"):
        load_segmenter("other")


def test_shipped_segmenters_are_found_by_name_and_are_no_depth_networks(tmp_path, monkeypatch):
    for module in (segmenters, depth_networks):
        monkeypatch.setattr(module, "weights_folder", lambda: tmp_path)
    write_colour_segmenter(tmp_path / "leadline-tom-seg.v1.onnx", card=replace(CARD, name="leadline-tom-seg.v1"))
    assert [card.name for card, _ in list_segmenters()] == ["leadline-tom-seg.v1"]
    assert list_models() == []
    for name in ("auto", "leadline-tom-seg.v1", "leadline-tom-seg"):
        assert load_segmenter(name).card.name == "leadline-tom-seg.v1"
    with pytest.raises(LeadlineError, match="says what is glass, mirror and sky, not how far it is: use it as --tom"):
        load_predictor("leadline-tom-seg")


def test_a_depth_network_is_refused_as_a_segmenter():
    ((_, path), *_) = list_models()
    with pytest.raises(LeadlineError, match="is no segmenter of opaque, transparent, mirror, sky"):
        load_segmenter(path)


def test_another_number_of_classes_is_refused(tmp_path):
    with pytest.raises(LeadlineError, match=r"expected one picture and one output \(n, 4, h, w\)"):
        load_segmenter(write_colour_segmenter(tmp_path / "three.onnx", classes=3))

    class Three:
        def run(self, batch):
            return np.zeros((1, 3, 8, 8), np.float32)

    with pytest.raises(LeadlineError, match=r"an output of shape \(1, 3, 8, 8\): expected 4 classes"):
        Segmenter(Three(), CARD)(picture())


def test_files_without_card_damaged_or_missing_are_refused(tmp_path):
    with pytest.raises(LeadlineError, match="is no segmenter of"):
        load_segmenter(write_colour_segmenter(tmp_path / "bare.onnx", card=None))
    with pytest.raises(LeadlineError, match="another sha256"):
        load_segmenter(write_colour_segmenter(tmp_path / "other.onnx", card=replace(CARD, sha256="0" * 64)))
    with pytest.raises(LeadlineError, match="can't read the model"):
        load_segmenter(tmp_path / "missing.onnx")
    with pytest.raises(LeadlineError, match="networks of transformers are loaded by the command line"):
        load_segmenter("hf:owner/name")


def test_classes_of_labels_are_for_networks_of_transformers_alone(tmp_path):
    path = write_colour_segmenter(tmp_path / "colour.onnx")
    with pytest.raises(LeadlineError, match="leave them out"):
        load_segmenter(path, labels={"window": 1})


def test_a_card_survives_its_file_and_wrong_ones_are_refused(tmp_path):
    card = replace(CARD, training_data=("a (CC0)",), notes="n")
    (tmp_path / "card.json").write_text(card.to_json())
    assert read_segmenter_card(tmp_path / "card.json") == card
    assert is_segmenter_card(card.to_json())
    assert not is_segmenter_card(json.dumps({"name": "x", "kind": "depth/metric"}))
    with pytest.raises(LeadlineError, match="unknown keys \\['kind'\\]"):
        SegmenterCard.from_json('{"name": "x", "kind": "depth/metric"}')
    with pytest.raises(LeadlineError, match="a segmenter of glass: expected opaque, transparent, mirror, sky"):
        SegmenterCard.from_json('{"name": "x", "classes": ["glass"]}')
    with pytest.raises(LeadlineError, match="not a segmenter's card"):
        SegmenterCard.from_json("[]")
    with pytest.raises(LeadlineError, match="can't read the segmenter's card"):
        read_segmenter_card(Path(tmp_path / "no.json"))
