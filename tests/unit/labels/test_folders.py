import json

import numpy as np
import pytest
from PIL import Image
from tests.unit.labels.painted_networks import RedInBatches, RedIsNear, box, picture

from leadline.data.mask_files import MaskSource
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth, read_header, write_depth
from leadline.labels import VirtualOptions, virtual_depth
from leadline.labels.label_files import as_half, write_label
from leadline.labels.stereo_folder import iter_merged
from leadline.labels.virtual_folder import Picture, label_virtual

HW = (24, 32)
MASK = box(HW, 6, 8, 10, 12, value=255)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["a", "b", "deep/c"]):
        for kind, pixels in (("photos", picture(HW, number)), ("masks", MASK)):
            path = tmp_path / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path


def pictures(folder):
    root = folder / "photos"
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return [Picture(path, path.relative_to(root).with_suffix("")) for path in found]


def run(folder, predictor=None, options=None, reverse=False, **more):
    items = pictures(folder)[:: -1 if reverse else 1]
    return list(label_virtual(items, predictor or RedIsNear(), MaskSource(folder / "masks"), folder / "out", options, **more))


def test_a_folder_becomes_labels_with_spread_and_a_record(folder):
    rows = run(folder)
    assert [row.state for row in rows] == ["done"] * 3
    alone = virtual_depth(RedIsNear(), picture(HW, 2), MASK, name="deep/c")
    depth = read_depth(folder / "out" / "deep" / "c.npz")
    np.testing.assert_array_equal(depth.values, alone.depth.values)
    assert str(depth.kind) == "disparity/affine_invariant"
    with np.load(folder / "out" / "deep" / "c.npz") as arrays:
        assert arrays["values"].dtype == np.float16
        np.testing.assert_allclose(arrays["spread"], alone.spread, rtol=1e-3)
    record = json.loads((folder / "out" / "labels.json").read_text())
    assert record["method"] == "virtual"
    assert record["model"]["name"] == "red.v1"
    assert record["settings"]["colours"] == 5
    assert record["runs"][0]["done"] == 3
    assert record["runs"][0]["failed"] == 0
    assert record["runs"][0]["software"].startswith("leadline ")


def test_labels_do_not_depend_on_the_order_or_the_other_pictures(folder):
    run(folder)
    first = {path.name: path.read_bytes() for path in (folder / "out").rglob("*.npz")}
    for path in (folder / "out").rglob("*.*"):
        path.unlink()
    run(folder, reverse=True)
    assert {path.name: path.read_bytes() for path in (folder / "out").rglob("*.npz")} == first


def test_a_second_run_keeps_what_is_there_and_makes_what_is_missing(folder):
    run(folder)
    (folder / "out" / "b.npz").unlink()
    network = RedIsNear()
    rows = run(folder, network)
    assert [(row.path.name, row.state) for row in rows] == [("a.png", "kept"), ("c.png", "kept"), ("b.png", "done")]
    assert len(network.seen) == 5
    assert [r["done"] for r in json.loads((folder / "out" / "labels.json").read_text())["runs"]] == [3, 1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"options": VirtualOptions(colours=7)}, r"colours = 5, not 7"),
        ({"predictor": RedIsNear(sha256="ab")}, r"model sha256 = '', not 'ab'"),
        ({"write": "png16"}, r"write = 'npz', not 'png16'"),
        ({"at_network_size": False}, r"size = 'network', not 'image'"),
    ],
)
def test_labels_of_other_settings_are_refused(folder, more, message):
    run(folder)
    with pytest.raises(LeadlineError, match=message):
        run(folder, **more)
    assert json.loads((folder / "out" / "labels.json").read_text())["settings"]["colours"] == 5


def test_files_of_unknown_origin_are_refused(folder):
    (folder / "out").mkdir()
    (folder / "out" / "a.npz").write_bytes(b"whatever")
    with pytest.raises(LeadlineError, match=r"a.npz exists and no labels.json says how it was made"):
        run(folder)
    assert not (folder / "out" / "labels.json").exists()
    (folder / "out" / "labels.json").write_text("{}")
    with pytest.raises(LeadlineError, match="is no record of labels"):
        run(folder)


def test_failures_are_counted_and_the_others_go_on(folder):
    (folder / "photos" / "a.png").write_bytes(b"no picture")
    (folder / "masks" / "b.png").unlink()
    rows = {row.path.name: row for row in run(folder)}
    assert rows["c.png"].state == "done"
    assert "no picture" in rows["a.png"].error
    assert "no mask for" in rows["b.png"].error
    last = json.loads((folder / "out" / "labels.json").read_text())["runs"][-1]
    assert (last["done"], last["failed"]) == (1, 2)
    assert len(last["failures"]) == 2


def test_a_stopped_run_is_recorded_and_goes_on(folder):
    rows = label_virtual(pictures(folder), RedIsNear(), MaskSource(folder / "masks"), folder / "out")
    next(rows)
    rows.close()
    assert json.loads((folder / "out" / "labels.json").read_text())["runs"][0]["done"] == 1
    assert {row.state for row in run(folder)} <= {"kept", "done"}
    assert len(list((folder / "out").rglob("*.npz"))) == 3


def test_png16_has_its_spread_beside_it_and_the_size_is_the_networks(folder):
    run(folder, RedInBatches(), write="png16")
    png = read_depth(folder / "out" / "a.depth.png")
    assert png.hw == (288, 384)
    with np.load(folder / "out" / "a.spread.npz") as arrays:
        assert arrays["spread"].shape == (288, 384)
    assert "virtual depth of 5 colours" in read_header(folder / "out" / "a.depth.png")["source"]


def test_half_floats_are_used_only_where_they_are_fine_enough(tmp_path):
    ramp = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    assert as_half(ramp).dtype == np.float16
    assert as_half(ramp + 1000).dtype == np.float32  # steps of 0.5
    assert as_half(ramp * 1e6).dtype == np.float32  # beyond the largest half
    assert as_half(ramp * 1e-7).dtype == np.float32  # below the smallest
    write_label([tmp_path / "a.npz"], DepthMap(ramp * 1e6), None)
    np.testing.assert_array_equal(read_depth(tmp_path / "a.npz").values, ramp * np.float32(1e6))


@pytest.fixture
def stereo(folder):
    """Disparities that see through the glass, and virtual depth that does not."""
    truth = 20 + np.add.outer(np.arange(24.0), 0.5 * np.arange(32.0))
    for name in ("a", "b", "deep/c"):
        wrong = np.where(MASK > 0, 3.0, truth)
        write_depth(folder / "disparities" / f"{name}.pfm", DepthMap(wrong, kind=PIXEL_DISPARITY))
        write_depth(folder / "mono" / f"{name}.npz", DepthMap(truth / 9, kind="disparity/affine_invariant"))
    return folder, truth


def merged(folder, **more):
    masks = MaskSource(folder / "masks")
    return list(iter_merged(folder / "disparities", folder / "mono", masks, folder / "out", **more))


def test_a_folder_of_disparities_is_merged_and_resumed(stereo):
    folder, truth = stereo
    assert [row.state for row in merged(folder)] == ["done"] * 3
    label = read_depth(folder / "out" / "deep" / "c.disparity.png")
    assert label.kind == PIXEL_DISPARITY
    np.testing.assert_allclose(label.values, truth, atol=1 / 256)
    assert [row.state for row in merged(folder)] == ["kept"] * 3
    with pytest.raises(LeadlineError, match="robust = False, not True"):
        merged(folder, robust=True)


def test_what_can_not_be_merged_is_a_counted_failure(stereo):
    folder, truth = stereo
    write_depth(folder / "disparities" / "a.pfm", DepthMap(-truth, kind=PIXEL_DISPARITY))
    (folder / "mono" / "b.npz").unlink()
    Image.fromarray(255 - np.where(MASK > 0, 255, 0).astype(np.uint8)).save(folder / "masks" / "deep" / "c.png")
    write_depth(folder / "disparities" / "deep" / "c.pfm", DepthMap(truth, MASK == 0, PIXEL_DISPARITY))
    rows = {row.path.name: row.error for row in merged(folder)}
    assert "disparities are negative" in rows["a.pfm"]
    assert "no virtual depth for b.pfm: expected b.npz or b.depth.png" in rows["b.pfm"]
    assert "0 pixels with a disparity outside the mask" in rows["c.pfm"]
    assert json.loads((folder / "out" / "labels.json").read_text())["runs"][-1]["failed"] == 3


def test_folders_that_are_missing_or_mixed_are_refused(stereo):
    folder, _ = stereo
    masks = MaskSource(folder / "masks")
    with pytest.raises(LeadlineError, match="no folder"):
        list(iter_merged(folder / "none", folder / "mono", masks, folder / "out"))
    with pytest.raises(LeadlineError, match="is a folder of the inputs"):
        list(iter_merged(folder / "disparities", folder / "mono", masks, folder / "mono"))
    write_depth(folder / "mono" / "a.depth.png", DepthMap(np.ones(HW)))
    with pytest.raises(LeadlineError, match="are of one picture"):
        list(iter_merged(folder / "disparities", folder / "mono", masks, folder / "out"))
