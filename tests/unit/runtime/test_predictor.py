import hashlib
from dataclasses import replace

import pytest

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.predictor import Prediction
from leadline.runtime import predictor as loading
from leadline.runtime.predictor import CARD_KEY, list_models, load_card, load_predictor


@pytest.fixture
def shipped(tmp_path, mean_onnx, card, monkeypatch):
    """Three shipped networks; returns their folder."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("mean.v1", "mean.v2", "other.v1"):
        data = mean_onnx().read_bytes()
        (folder / f"{name}.onnx").write_bytes(data)
        named = replace(card, name=name, sha256=hashlib.sha256(data).hexdigest())
        (folder / f"{name}.json").write_text(named.to_json())
    monkeypatch.setattr(loading, "weights_folder", lambda: folder)
    return folder


def test_shipped_networks_are_listed_and_loaded_by_name(shipped, gradient_photo):
    assert [card.name for card, _ in list_models()] == ["mean.v1", "mean.v2", "other.v1"]
    assert load_predictor("mean.v1").card.name == "mean.v1"
    assert load_predictor("mean").card.name == "mean.v2"  # without its tag: the last one
    assert load_card("other").name == "other.v1"
    assert load_predictor("other.v1")(gradient_photo).depth.source == "other.v1"


def test_damaged_shipped_weights_are_refused(shipped):
    with (shipped / "mean.v1.onnx").open("ab") as file:
        file.write(b"\x78\x01")  # one more, meaningless field
    with pytest.raises(LeadlineError, match="another sha256"):
        load_predictor("mean.v1")


def test_an_unknown_name_lists_what_there_is(shipped):
    with pytest.raises(
        LeadlineError, match=r"no network 'midas': expected one of those shipped \(mean.v1, mean.v2, other.v1\)"
    ):
        load_predictor("midas")


def test_a_card_comes_from_the_file_beside_or_from_the_metadata(mean_onnx, card):
    inside = mean_onnx("in.onnx", metadata={CARD_KEY: replace(card, name="inside.v1").to_json()})
    assert load_predictor(inside).card.name == "inside.v1"
    inside.with_suffix(".json").write_text(replace(card, name="beside.v1").to_json())
    assert load_predictor(inside).card.name == "beside.v1"


def test_the_users_word_on_the_kind_wins(mean_onnx, card):
    path = mean_onnx(metadata={CARD_KEY: card.to_json()})
    assert load_predictor(path).card.kind == RELATIVE_DISPARITY
    assert load_predictor(path, kind="depth/metric").card.kind == METRIC_DEPTH


def test_a_file_without_a_card_needs_a_kind(mean_onnx):
    path = mean_onnx("users.onnx")
    with pytest.raises(LeadlineError, match=r"users\.onnx does not say what its numbers mean: give --kind"):
        load_predictor(path)
    card = load_predictor(str(path), kind="disparity/affine_invariant").card
    assert (card.name, card.mean) == ("users", loading.IMAGENET_MEAN)
    with pytest.raises(LeadlineError, match="unknown kind 'depth'"):
        load_predictor(path, kind="depth")


def test_a_broken_card_names_the_file(mean_onnx):
    path = mean_onnx("net.onnx", metadata={CARD_KEY: "{"})
    with pytest.raises(LeadlineError, match=r"card of net\.onnx: not a model card"):
        load_predictor(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LeadlineError, match="No such file"):
        load_predictor(tmp_path / "none.onnx")


def test_a_transformers_name_without_its_source_says_what_to_do(monkeypatch):
    monkeypatch.setattr(loading, "predictor_sources", [])  # the command line adds one for its process
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[train\]'"):
        load_predictor("depth-anything/Depth-Anything-V2-Small-hf")


def test_sources_are_asked_in_turn_for_other_names(card, monkeypatch):
    asked = []

    class Remote:
        def __init__(self, request):
            self.card, self.request = card, request

        def __call__(self, image, camera=None):
            return Prediction(image)

    def source(request):
        asked.append(request.name)
        return Remote(request) if request.name.startswith("far/") else None

    monkeypatch.setattr(loading, "predictor_sources", [lambda request: None, source])
    predictor = load_predictor("far/away", kind="depth/metric", precision="fp32")
    assert predictor.request.kind == METRIC_DEPTH
    assert predictor.request.options.precision == "fp32"
    with pytest.raises(LeadlineError):
        load_predictor("near/by")
    assert asked == ["far/away", "near/by"]


def test_loading_a_network_does_not_import_torch(mean_onnx, card):
    import subprocess
    import sys

    path = mean_onnx(metadata={CARD_KEY: card.to_json()})
    code = (
        "import sys, numpy, leadline;"
        f"leadline.load_predictor({str(path)!r})(numpy.zeros((9, 9, 3), numpy.uint8));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_checksum_is_computed_once(shipped, monkeypatch):
    load_predictor("mean.v2")
    monkeypatch.setattr(loading.hashlib, "file_digest", lambda *_: pytest.fail("computed again"))
    load_predictor("mean.v2")
