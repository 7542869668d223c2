"""Photos with labels beside them, as training views."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.data.folder import Source
from leadline.data.views import View
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.labels.label_files import write_label

HW = (24, 32)


def slope(low: float, high: float, hw: tuple[int, int] = HW) -> np.ndarray:
    return np.broadcast_to(np.linspace(low, high, hw[1], dtype=np.float32), hw).copy()


def write_pair(
    root: Path, name: str, values: np.ndarray, valid: np.ndarray | None = None, kind: Kind = RELATIVE_DISPARITY
) -> None:
    photo, label = root / "photos" / f"{name}.jpg", root / "labels" / f"{name}.npz"
    for path in (photo, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*HW, 3), 90, np.uint8)).save(photo)
    write_label([label], DepthMap(values, valid, kind), np.zeros_like(values))


def views(root: Path, longest: int = 100) -> dict[str, View]:
    source = Source.parse(f"{root / 'photos'}::{root / 'labels'}")
    store = source.open_store(root / "cache", longest)
    source.ingest(store, longest)
    return {place.name: store.view(place) for place in store.train + store.validation}


def test_a_label_keeps_the_unit_of_its_network(tmp_path: Path) -> None:
    values = slope(3, 40)
    write_pair(tmp_path, "deep/a", values)
    (view,) = views(tmp_path).values()
    np.testing.assert_allclose(view.disparity, values, rtol=1e-3)  # not brought to 0..1, as other relative truth is
    assert view.image.shape == (*HW, 3)


def test_a_label_at_the_networks_size_is_brought_to_the_photos_without_steps(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", slope(0, 47, (32, 48)))
    (view,) = views(tmp_path, 16).values()
    assert view.image.shape == (12, 16, 3)
    np.testing.assert_allclose(view.disparity[0], np.arange(1, 48, 3), atol=0.05)  # the mean of three columns


def test_what_a_label_does_not_know_is_not_valid(tmp_path: Path) -> None:
    valid = np.ones(HW, bool)
    valid[:, :10] = False
    write_pair(tmp_path, "a", slope(1, 2), valid)
    (view,) = views(tmp_path).values()
    np.testing.assert_array_equal(view.disparity >= 0, valid)


def test_metric_labels_become_inverse_depth(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", slope(2, 4), kind=METRIC_DEPTH)
    (view,) = views(tmp_path).values()
    np.testing.assert_allclose(view.disparity[0, [0, -1]], [0.5, 0.25], rtol=1e-3)


def test_the_last_tenth_is_held_out(tmp_path: Path) -> None:
    for number in range(10):
        write_pair(tmp_path, f"{number}", slope(1, 2))
    source = Source.parse(f"{tmp_path / 'photos'}::{tmp_path / 'labels'}")
    store = source.open_store(tmp_path / "cache", 100)
    assert source.ingest(store, 100) == 10
    assert source.ingest(store, 100) == 0
    assert [place.name for place in store.validation] == ["9"]


def test_labels_that_are_made_anew_are_read_anew_and_a_job_that_goes_on_is_not(tmp_path: Path) -> None:
    record = tmp_path / "labels" / "labels.json"

    def write_record(*begun: str) -> None:
        record.write_text(json.dumps({"method": "virtual", "runs": [{"begun": when} for when in begun]}))

    write_pair(tmp_path, "a", slope(1, 2))
    write_record("noon")
    assert views(tmp_path)["a"].disparity.max() == 2
    write_pair(tmp_path, "a", slope(1, 5))
    write_record("noon", "one")
    assert views(tmp_path)["a"].disparity.max() == 2
    write_record("two")
    assert views(tmp_path)["a"].disparity.max() == 5


def test_bad_folders_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"no folder .*photos of training views"):
        views(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(LeadlineError, match="make them with leadline label virtual"):
        views(tmp_path)
    (tmp_path / "labels").mkdir()
    with pytest.raises(LeadlineError, match="no label in"):
        views(tmp_path)
    write_pair(tmp_path, "a", slope(1, 2))
    (tmp_path / "photos" / "a.jpg").rename(tmp_path / "photos" / "b.jpg")
    with pytest.raises(LeadlineError, match=r"a\.npz: no photo of that name"):
        views(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [(slope(-1, 2), "labels from -1 to 2: expected 0 to 65504"), (slope(1, 2, (32, 20)), "expected one shape")],
)
def test_labels_that_can_not_be_kept_are_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    write_pair(tmp_path, "a", values)
    with pytest.raises(LeadlineError, match=message):
        views(tmp_path)
