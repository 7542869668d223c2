from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError

transformers = pytest.importorskip("transformers")

from leadline.models.hf_segmenter import chosen_labels, from_transformers, load_hf_segmenter  # noqa: E402

NAMES = ["wall", "windowpane, window", "mirror", "glass, drinking glass", "sky", "bottle"]
IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def config(names: list[str] = NAMES) -> Any:
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    return transformers.SegformerConfig(
        hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 1, 1], decoder_hidden_size=8,
        sr_ratios=[4, 2, 1, 1], **labels,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = transformers.SegformerForSemanticSegmentation(config())
    torch.nn.init.normal_(network.decode_head.classifier.weight)  # else all labels are about as likely
    path = tmp_path_factory.mktemp("hf") / "segformer"
    network.save_pretrained(path)
    processor = transformers.SegformerImageProcessor(
        size={"height": 64, "width": 64}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    processor.save_pretrained(path)
    return path


def test_probabilities_are_summed_over_the_labels_of_each_class(folder: Path) -> None:
    segment = load_hf_segmenter(str(folder))
    assert segment.card.input_size == 64
    assert segment.card.mean == (127.5,) * 3
    assert "mirror is mirror; glass, drinking glass is transparent; sky is sky" in segment.card.notes
    found = segment.probabilities(IMAGE)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    network = transformers.SegformerForSemanticSegmentation.from_pretrained(folder).eval()
    pixels = torch.from_numpy((IMAGE.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
    with torch.no_grad():
        shares = network(pixels).logits.softmax(1)[0].numpy()
    small = segment._run(IMAGE)
    np.testing.assert_allclose(small[1], shares[1] + shares[3], atol=1e-5)
    np.testing.assert_allclose(small[0], shares[0] + shares[5], atol=1e-5)
    assert segment(IMAGE).shape == (64, 96)


def test_an_explicit_choice_replaces_the_words(folder: Path) -> None:
    default, chosen = load_hf_segmenter(str(folder)), load_hf_segmenter(str(folder), {"Bottle": 1, "sky": 0})
    assert chosen.card.notes == "Loaded through transformers: bottle is transparent."
    assert np.abs(default.probabilities(IMAGE) - chosen.probabilities(IMAGE)).max() > 1e-3
    assert not chosen.probabilities(IMAGE)[2:].any()


def test_the_command_lines_names_begin_with_hf(folder: Path) -> None:
    assert from_transformers("leadline-tom-seg.v1", None) is None
    found = from_transformers(f"hf:{folder}", None)
    assert found is not None
    assert found.card.name == "segformer"


def test_a_configuration_gives_a_network_with_random_weights() -> None:
    assert load_hf_segmenter(config()).surfaces(IMAGE).max() <= 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [("window", 1), ("Window-other", 1), ("wine glass", 1), ("mirror-stuff", 2), ("sky-other-merged", 3), ("eyeglasses", 0)],
)
def test_words_in_names_decide(name: str, expected: int) -> None:
    assert chosen_labels({0: name, 1: "mirror"}, None, "m").get(0, 0) == expected


def test_networks_without_glass_and_unknown_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"no label of segformer\.random stands for glass .*: it has road, sky; say which"):
        load_hf_segmenter(config(["road", "sky"]))
    with pytest.raises(LeadlineError, match="has no label 'door': expected some of wall, windowpane, window,"):
        load_hf_segmenter(config(), {"door": 1})
    with pytest.raises(LeadlineError, match=r"can't load .* through transformers"):
        load_hf_segmenter(str(tmp_path / "nothing"))
