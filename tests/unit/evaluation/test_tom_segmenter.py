import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit.data.small_tom_world import write_tom_world
from tests.unit.runtime.colour_segmenter import write_colour_segmenter

from leadline.errors import LeadlineError
from leadline.evaluation.tom_segmenter import REAL_SETS, SURELY, TOM, main, score, score_set
from leadline.runtime.segmenter import load_segmenter
from leadline.sample import Sample

REAL = Path(__file__).parents[4] / "shared" / "data"


class Says:
    """A segmenter that says the same of every picture."""

    def __init__(self, classes):
        self.classes = np.asarray(classes, np.uint8)

    def __call__(self, image):
        return self.classes

    def surfaces(self, image):
        return self.classes * (self.classes == 2)


def sample(material, **masks):
    material = np.asarray(material, np.uint8)
    return Sample("s", np.zeros((*material.shape, 3), np.uint8), masks={"material": material, **masks})


def test_taking_a_mirror_for_glass_costs_the_class_but_not_the_pair():
    scored = score_set(Says([[1, 1, 2, 0]]), [sample([[1, 2, 0, 0]])], "s", (0, 1, 2, 3)).scores()
    assert scored["transparent"][:3] == (0.5, 0.5, 1)
    assert scored["mirror"].iou == 0
    assert scored[TOM][:3] == (pytest.approx(2 / 3), pytest.approx(2 / 3), 1)
    assert scored[SURELY][:3] == (0, 0, 0)


def test_sky_counts_as_opaque_where_it_is_not_marked():
    assert score_set(Says([[3, 1]]), [sample([[0, 1]])], "real", (1,)).matrix[0].tolist() == [1, 0, 0, 0]
    assert score_set(Says([[3, 1]]), [sample([[0, 1]])], "world", (0, 1, 2, 3)).matrix[0].tolist() == [0, 0, 0, 1]


def test_pictures_without_glass_are_false_alarms_and_not_misses():
    found = score_set(Says([[0, 1]]), [sample([[0, 0]]), sample([[0, 1]])], "s", (1,))
    assert found.found == (1, 1)
    assert found.image_ious == [0, 1]
    assert score_set(Says([[0, 0]]), [sample([[0, 0]])], "s", (1,)).image_ious == []


def test_best_and_worst_pictures_are_kept_once_each():
    samples = [sample(np.arange(10)[None] < n) for n in range(1, 8)]
    found = score_set(Says([[1] * 5 + [0] * 5]), samples, "s", (1,))
    assert [round(one.iou, 2) for one in found.shown] == [1.0, 0.83, 0.4, 0.2]
    assert len(score_set(Says([[1] * 5 + [0] * 5]), samples[:3], "s", (1,)).shown) == 3


def test_a_page_is_written_for_any_model_file(tmp_path):
    write_tom_world(tmp_path / "tom-held-out")
    model = write_colour_segmenter(tmp_path / "colour.onnx")
    out = tmp_path / "docs" / "tom-seg.md"
    out.parent.mkdir()
    assert main(["--model", str(model), "--worlds", str(tmp_path / "tom-held-out"), "--out", str(out)]) == 0
    page = out.read_text()
    assert "# colour.v1 on glass, mirrors and sky" in page
    assert f"regenerate | `python -m leadline.evaluation.tom_segmenter --model {model}" in page
    line = next(line for line in page.splitlines() if line.startswith("| tom-held-out: mirror"))
    assert float(line.split("|")[3]) > 0.9
    (counts,) = json.loads(out.with_suffix(".json").read_text())
    assert np.sum(counts["matrix"]) == 5 * 48 * 64
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_said(tmp_path, capsys):
    with pytest.raises(LeadlineError, match="nothing to score"):
        score(Says([[0]]), [], None)
    with pytest.raises(LeadlineError, match=r"dev/cleargrasp, .* not in .*: expected all real samples"):
        score(Says([[0]]), [], tmp_path)
    assert main(["--model", str(tmp_path / "no.onnx"), "--out", str(tmp_path / "x.md")]) == 1
    assert "can't read the model" in capsys.readouterr().err


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real samples beside the checkout")
def test_the_real_sets_mark_what_the_table_says(tmp_path):
    segment = load_segmenter(write_colour_segmenter(tmp_path / "colour.onnx"))
    from leadline.data.datasets.registry import get_dataset

    for real in REAL_SETS:
        dataset = get_dataset(real.dataset)
        (name, *_) = dataset.names(REAL / real.folder)
        found = score_set(segment, [dataset.read(REAL / real.folder, name)], real.title, (real.marked,))
        assert found.matrix[real.marked].sum() > 0
        assert found.matrix[[1, 2]].sum() == found.matrix[real.marked].sum()
