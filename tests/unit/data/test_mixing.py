from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from leadline.data.folder import Source
from leadline.data.mixing import MixedViews
from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.data.transforms import Augmentation, _moved_pairs, random_crop
from leadline.data.views import View
from leadline.errors import LeadlineError


def write_world(root: Path, scenes: int, value: float, h: int = 48, w: int = 64) -> None:
    """Scenes whose depth and colour are one number, to tell the worlds apart."""
    zeros = np.zeros((h, w), np.uint8)
    for i in range(scenes):
        depth = np.full((h, w), value, np.float32)
        depth[0] = 0
        image = np.full((h, w, 3), int(value * 10), np.uint8)
        sky = zeros.astype(bool)
        stored = StoredView(
            image, depth, np.zeros((h, w, 3), np.float32), zeros, zeros.astype(np.uint16), sky, np.eye(3), np.eye(4)
        )
        write_scene(root, f"{value:g}-{i:03d}", [stored])


def mixed(tmp_path: Path, weights: tuple[float, ...] = (1, 3)) -> MixedViews:
    sources = [Source.parse(str(tmp_path / name)) for name in ("a", "b")]
    return MixedViews(sources, weights, tmp_path / "cache", ((32, 64), (64, 32)), 8, Augmentation(), 5, 64)


@pytest.fixture
def worlds(tmp_path: Path) -> Path:
    write_world(tmp_path / "a", 6, 2.0)
    write_world(tmp_path / "b", 6, 4.0)
    return tmp_path


def test_sources_come_as_often_as_their_weights_say(worlds: Path) -> None:
    views = mixed(worlds)
    assert views.ingest() == 12
    medians = [np.median(d[v]) for n in range(40) for d, v in zip(*views.batch(n)[1:3], strict=True)]
    assert np.mean(np.isclose(medians, 0.25)) == pytest.approx(0.75, abs=0.08)


def test_a_batch_is_a_function_of_seed_and_number(worlds: Path) -> None:
    views = mixed(worlds)
    views.ingest()
    stream = views.iter_batches(start=3)
    for number in (3, 4, 5):
        for streamed, drawn in zip(next(stream), views.batch(number), strict=True):
            np.testing.assert_array_equal(streamed, drawn)
    stream.close()  # type: ignore[attr-defined]
    assert {views.batch(n).image.shape[1:3] for n in range(12)} == {(32, 64), (64, 32)}


def test_new_scenes_join_and_old_ones_are_not_read_again(worlds: Path) -> None:
    views = mixed(worlds)
    assert views.ingest() == 12
    write_world(worlds / "a", 9, 2.0)
    assert views.ingest() == 3
    assert views.ingest() == 0


def test_an_empty_source_is_left_out_until_it_has_views(tmp_path: Path) -> None:
    write_world(tmp_path / "b", 3, 4.0)
    (tmp_path / "a").mkdir()
    views = mixed(tmp_path)
    views.ingest()
    assert views.batch(0).valid.any()


def test_unfinished_scenes_are_not_read(tmp_path: Path) -> None:
    write_world(tmp_path / "b", 3, 4.0)
    (tmp_path / "b" / "4-002").rename(tmp_path / "b" / ".4-002.77")
    (tmp_path / "a").mkdir()
    assert mixed(tmp_path).ingest() == 2


def test_invalid_pixels_hold_a_finite_number(worlds: Path) -> None:
    views = mixed(worlds)
    views.ingest()
    batch = views.batch(0)
    assert not batch.valid.all()
    assert (batch.disparity[~batch.valid] == 0).all()


def test_a_missing_folder_and_missing_views_are_named(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="no folder"):
        mixed(tmp_path).ingest()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(LeadlineError, match="no training view"):
        mixed(tmp_path).batch(0)
    with pytest.raises(LeadlineError, match=r"1 data\.weights for 2 data\.sources"):
        mixed(tmp_path, (1,))


def test_a_data_set_that_may_not_be_trained_on_is_refused(tmp_path: Path) -> None:
    source = Source.parse(f"nyu_npy@{tmp_path}")
    with pytest.raises(LeadlineError, match="may not be trained on"):
        source.ingest(source.open_store(tmp_path / "cache", 64), 64)


def mixed_by(tmp_path: Path, mixing: str, batch_size: int = 8, **how: float) -> MixedViews:
    sources = [Source.parse(str(tmp_path / name)) for name in ("a", "b")]
    views = MixedViews(
        sources,
        (1, 1),
        tmp_path / "cache",
        ((32, 64),),
        batch_size,
        Augmentation(),
        5,
        64,
        mixing=mixing,
        **how,  # type: ignore[arg-type]
    )
    views.ingest()
    return views


def test_equal_parts_are_equal_in_every_batch_and_the_remainder_goes_round(worlds: Path) -> None:
    views = mixed_by(worlds, "equal")
    assert all(np.bincount(views.batch(n).source).tolist() == [4, 4] for n in range(5))
    odd = [np.bincount(mixed_by(worlds, "equal", 3).batch(n).source).tolist() for n in range(2)]
    assert odd == [[2, 1], [1, 2]]


@pytest.mark.parametrize(("mixing", "how", "share"), [("proportional", {}, 0.9), ("temperature", {"temperature": 2.0}, 0.75)])
def test_large_sources_come_more_often_by_their_size_or_its_root(
    tmp_path: Path, mixing: str, how: dict[str, float], share: float
) -> None:
    write_world(tmp_path / "a", 2, 2.0)
    write_world(tmp_path / "b", 18, 4.0)
    views = mixed_by(tmp_path, mixing, **how)
    assert np.mean([views.batch(n).source.mean() for n in range(60)]) == pytest.approx(share, abs=0.06)


def test_a_batch_names_its_views(worlds: Path) -> None:
    batch = mixed_by(worlds, "equal").batch(0)
    assert batch.names[0].startswith(f"{worlds / 'a'}: 2-00")
    assert batch.names[-1].startswith(f"{worlds / 'b'}: 4-00")


def test_views_that_can_not_be_read_are_counted_and_left_out_up_to_a_limit(worlds: Path) -> None:
    (worlds / "a" / "2-001" / "depth" / "000.npy").write_bytes(b"no array")
    views = mixed_by(worlds, "equal")
    assert sum(views.counts.values()) + sum(len(s.validation) for s in views.stores) == 11
    assert list(views.broken) == [f"{worlds / 'a'}: 2-001/000"]
    (worlds / "cache2").mkdir()
    strict = MixedViews(
        [Source.parse(str(worlds / "a"))], (1,), worlds / "cache2", ((32, 64),), 2, Augmentation(), 5, 64, most_broken=0
    )
    with pytest.raises(LeadlineError, match=r"more than data.most_broken=0; the first: .*2-001/000"):
        strict.ingest()


def test_a_batch_that_can_not_be_made_is_passed_over_up_to_a_limit(worlds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    views = mixed_by(worlds, "equal")
    whole = views.batch

    def sometimes(number: int) -> object:
        if number % 2:
            raise ValueError("decoder")
        return whole(number)

    monkeypatch.setattr(views, "batch", sometimes)
    stream = views.iter_batches()
    for number in (0, 2, 4):
        np.testing.assert_array_equal(next(stream).image, whole(number).image)
    assert len(views.broken) == 2
    with pytest.raises(LeadlineError, match="most_broken=20"):
        list(islice(stream, 50))


def test_a_point_that_rounding_moves_onto_the_edge_is_left_out() -> None:
    pairs = np.array([[10, 96, 20, 30, 1], [10, 50, 20, 30, 1]], np.float32)
    offset = np.array([0.0, 1e-7])  # the first point comes to lie 1e-7 pixels above the lower edge
    assert _moved_pairs(pairs, np.eye(2), offset, (96, 96)).tolist() == [[10, 50, 20, 30, 1]]


def test_pairs_keep_their_order_through_crops_and_turns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    h, w = 96, 128
    disparity = (np.arange(h)[:, None] / h + np.zeros(w)).astype(np.float16)
    image = np.repeat((disparity * 200).astype(np.uint8)[..., None], 3, axis=2)
    xy = rng.uniform(0, (w, h, w, h), (60, 4))
    xy = xy[np.abs(xy[:, 1] - xy[:, 3]) > 12]
    pairs = np.column_stack([xy, np.sign(xy[:, 1] - xy[:, 3])]).astype(np.float32)
    found = 0
    for _ in range(10):
        cropped = random_crop(View(image, disparity, pairs), (64, 64), rng, Augmentation())
        xa, ya, xb, yb = np.floor(cropped.pairs[:, :4]).astype(int).T
        grey = cropped.image[..., 0].astype(int)
        assert (np.sign(grey[ya, xa] - grey[yb, xb]) == cropped.pairs[:, 4]).all()
        found += len(cropped.pairs)
    assert found > 50
