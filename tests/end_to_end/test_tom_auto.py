"""`leadline predict --tom` and `leadline label virtual --masks auto` as a user runs them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.end_to_end.command import json_rows, leadline_command
from tests.shipped import SHIPPED
from tests.unit.runtime.colour_segmenter import write_colour_segmenter

import leadline
from leadline.cli.label import virtual
from leadline.cli.predict import predict
from leadline.errors import LeadlineError
from leadline.runtime.segmenter import load_segmenter

HW = (60, 80)
WINDOW = np.zeros(HW, bool)
WINDOW[20:45, 25:60] = True


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A grey picture with a red window, one without, and a segmenter that knows red for glass."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "photos").mkdir()
    grey = np.random.default_rng(0).integers(60, 120, (*HW, 1)).repeat(3, axis=2).astype(np.uint8)
    Image.fromarray(np.where(WINDOW[..., None], np.uint8([230, 20, 20]), grey)).save(folder / "photos" / "A.png")
    Image.fromarray(grey).save(folder / "photos" / "B.png")
    write_colour_segmenter(folder / "colour.onnx")
    return folder


def test_glass_that_a_segmenter_finds_gets_virtual_depth_and_a_picture_without_stays_plain(scenes, tmp_path):
    common = ("--tom-colours", 2, "--write", "npz", "--json")
    done = leadline_command("predict", scenes / "photos", "--tom", scenes / "colour.onnx", *common, "--out", tmp_path / "tom")
    assert done.returncode == 0, done.stderr
    plain = leadline_command("predict", scenes / "photos", "--write", "npz", "--out", tmp_path / "plain")
    assert plain.returncode == 0, plain.stderr
    before, after = (leadline.read_depth(tmp_path / name / "A.npz") for name in ("plain", "tom"))
    assert after.source == f"{SHIPPED}, virtual depth of 2 colours, inside the mask alone"
    changed = np.abs(after.values - before.values) > 1e-3 * np.ptp(before.values)
    assert changed[WINDOW].mean() > 0.5
    assert changed[~WINDOW].mean() < 0.05  # the segmenter's mask has a rim
    notes = {Path(row["path"]).name: row["notes"] for row in json_rows(done)}
    assert notes == {"A.png": [], "B.png": ["no glass or mirror was found: this is the plain prediction"]}


def test_labels_are_made_from_masks_that_a_segmenter_finds(scenes, tmp_path, capsys):
    masks = str(scenes / "colour.onnx")
    assert virtual(str(scenes / "photos"), masks=masks, out=tmp_path, colours=1, json=True) == 0
    assert [json.loads(line)["state"] for line in capsys.readouterr().out.splitlines()] == ["done", "done"]
    assert "predicted by colour.v1" in (tmp_path / "labels.json").read_text()
    with pytest.raises(LeadlineError, match="--masks-as booster for --masks auto, which are no files"):
        virtual(str(scenes / "photos"), masks="auto", out=tmp_path, masks_as="booster")


@pytest.mark.parametrize(
    ("wishes", "line"),
    [
        ({"tom": "auto", "tom_mask": Path("m.png")}, "--tom auto and --tom-mask m.png both say where the glass is: give one"),
        ({"tom_classes": "door=mirror"}, "--tom-classes door=mirror without --tom: expected --tom hf:OWNER/NAME"),
        ({"tom": "glassy"}, "no segmenter 'glassy': expected one of those shipped"),
        ({"tom": "no.onnx"}, "can't read the model 'no.onnx'"),
    ],
)
def test_wrong_wishes_are_one_line(scenes, tmp_path, wishes, line):
    with pytest.raises(LeadlineError) as caught:
        predict(str(scenes / "photos"), out=tmp_path / "out", **wishes)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_auto_is_the_shipped_segmenter(scenes, tmp_path):
    assert load_segmenter("auto").card.name == "leadline-tom-seg.v1"
    assert predict(str(scenes / "photos" / "B.png"), tom="auto", tom_colours=1, write="npz", out=tmp_path / "out") == 0
    assert leadline.read_depth(tmp_path / "out" / "B.npz").values.shape == HW
