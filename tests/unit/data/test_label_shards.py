"""Label shards as training views: their order, what they hold, and what happens when something is gone."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.unit.data.test_mixing import write_world
from tests.unit.labels.pictures_and_teachers import GreyTeacher, encoded, write_tar

from leadline.data.label_shards import LabelShards, ShardSource, parse_source
from leadline.data.mixing import MixedViews, in_turns
from leadline.data.transforms import Augmentation
from leadline.depth_map import METRIC_DEPTH, Kind
from leadline.errors import LeadlineError
from leadline.labels.job import LabelJob
from leadline.labels.options import LabelOptions
from leadline.predictor import ModelCard

SIDE = 32
WHOLE = Augmentation(area=(1.0, 1.0), aspect=1.0, rotation_deg=0.0, flip=0.0)


def ramp(number: int) -> np.ndarray:
    """A picture that gets brighter to the right and whose red says its number."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[..., 0] = number
    pixels[..., 1:] = np.linspace(0, 255, SIDE).astype(np.uint8)[None, :, None]
    return pixels


def write_labels(root: Path, count: int, shard_images: int = 5, card: ModelCard | None = None, **options: str) -> Path:
    photos = root / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(ramp(number)).save(photos / f"{number:03d}.png")
    return label([str(photos)], root / "labels", shard_images, card, **options)


def label(inputs: list[str], out: Path, shard_images: int = 5, card: ModelCard | None = None, **options: str) -> Path:
    teacher = GreyTeacher()
    if card is not None:
        teacher.card = card
    list(LabelJob(inputs, teacher, out, LabelOptions(**options), shard_images=shard_images).run())  # type: ignore[arg-type]
    return out


def mixed(root: Path, *sources: str, mixing: str = "parts", weights: tuple[float, ...] = (), **options: object) -> MixedViews:
    views = MixedViews(
        [parse_source(text) for text in sources], weights or [1.0] * len(sources), root / "cache", ((SIDE, SIDE),), 6,
        WHOLE, 3, SIDE, mixing=mixing, plain=frozenset(range(len(sources))), **options,
    )  # type: ignore[arg-type]  # fmt: skip
    views.ingest()
    return views


def numbers(views: MixedViews, batches: range) -> list[int]:
    """The photos in some batches."""
    return [int(red) for n in batches for red in views.batch(n).image[:, 0, 0, 0]]


@pytest.mark.parametrize(("images", "write"), [("reference", "png16"), ("bytes", "npz")])
def test_a_view_is_the_photo_with_its_label_from_0_to_1(tmp_path: Path, images: str, write: str) -> None:
    labels = write_labels(tmp_path, 3, images=images, write=write)
    if images == "bytes":
        for photo in (tmp_path / "photos").iterdir():
            photo.unlink()
    store = LabelShards(labels, 64)
    assert store.open() == 3
    name, view = store.read(0, 2)
    assert name.startswith("000000002 ")
    assert name.endswith("002.png")
    np.testing.assert_array_equal(view.image, ramp(2))
    expected = np.linspace(0, 1, SIDE)
    np.testing.assert_allclose(view.disparity, np.broadcast_to(expected, (SIDE, SIDE)), atol=5e-3)
    assert LabelShards(labels, 16).open() == 3


def test_photos_in_tars_are_found_again(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "photos.tar", {f"{n}.png": encoded(ramp(n)) for n in range(3)})
    store = LabelShards(label([str(tar)], tmp_path / "labels"), 64)
    store.open()
    assert [int(store.read(0, row)[1].image[0, 0, 0]) for row in range(3)] == [0, 1, 2]


def test_every_label_comes_once_in_an_epoch_and_every_epoch_has_another_order(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 36, shard_images=4)
    views = mixed(tmp_path, f"shards:{labels}")
    assert views.counts == {f"shards:{labels}": 36}
    epochs = [numbers(views, range(6 * e, 6 * e + 6)) for e in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(36))] * 2
    assert epochs[0] != epochs[1]
    assert epochs[0] != sorted(epochs[0])


def test_an_order_is_that_of_its_seed_and_of_no_state(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 36, shard_images=4)
    views = mixed(tmp_path, f"shards:{labels}")
    whole = numbers(views, range(9))
    assert numbers(mixed(tmp_path, f"shards:{labels}"), range(4, 9)) == whole[24:]  # resumed in the middle of an epoch
    stream = mixed(tmp_path, f"shards:{labels}", workers=2).iter_batches(4)
    resumed = [int(red) for batch in islice(stream, 5) for red in batch.image[:, 0, 0, 0]]
    stream.close()  # type: ignore[attr-defined]
    assert resumed == whole[24:]
    store = LabelShards(labels, SIDE)
    store.open()
    assert [store.place(n, 0) for n in range(9)] != [store.place(n, 1) for n in range(9)]


def test_nodes_that_take_turns_share_an_epoch(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 36, shard_images=4)
    seen = []
    for rank in range(3):
        stream = mixed(tmp_path, f"shards:{labels}").iter_batches(rank, 3)
        seen += [int(red) for batch in islice(stream, 2) for red in batch.image[:, 0, 0, 0]]
        stream.close()  # type: ignore[attr-defined]
    assert sorted(seen) == list(range(36))


def test_shuffling_reaches_as_far_as_the_window_and_no_farther(tmp_path: Path) -> None:
    store = LabelShards(write_labels(tmp_path, 36, shard_images=4), SIDE, window=3)
    store.open()
    shards = [store.place(n, 0)[0] for n in range(36)]
    for first in range(0, 36, 12):
        assert len(set(shards[first : first + 12])) == 3
        assert len(set(shards[first : first + 4])) > 1  # not shard by shard
    assert len(store._contents._kept) == 0  # an order opens no shard


def test_a_twentieth_of_every_shard_is_held_out(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 45, shard_images=25)
    views = mixed(tmp_path, f"shards:{labels}")
    assert len(views.stores[0]) == 43  # type: ignore[arg-type]
    assert {24, 44}.isdisjoint(numbers(views, range(8)))
    assert sorted(int(view.image[0, 0, 0]) for view in views.validation_views(10)) == [24, 44]
    assert len(views.validation_views(1)) == 1


def test_one_picture_with_truth_goes_with_two_labels(tmp_path: Path) -> None:
    write_world(tmp_path / "a", 6, 2.0)
    write_world(tmp_path / "b", 6, 4.0)
    labels = write_labels(tmp_path, 12, shard_images=4)
    views = mixed(tmp_path, str(tmp_path / "a"), str(tmp_path / "b"), f"shards:{labels}", weights=(1, 1, 4))
    batches = [views.batch(n) for n in range(6)]
    assert [Counter(batch.source.tolist())[2] for batch in batches] == [4] * 6
    assert sum((Counter(batch.source.tolist()) for batch in batches), Counter()) == {0: 6, 1: 6, 2: 24}
    shown = [
        int(red) for batch in batches for red, source in zip(batch.image[:, 0, 0, 0], batch.source, strict=True) if source == 2
    ]
    assert [sorted(shown[:12]), sorted(shown[12:])] == [list(range(12))] * 2


def test_turns_are_spread_evenly() -> None:
    assert in_turns(np.array([1, 1, 4])).tolist() == [2, 0, 2, 2, 1, 2]
    assert in_turns(np.array([1, 0, 1, 1])).tolist() == [0, 2, 3]
    with pytest.raises(LeadlineError, match=r"data\.weights=0\.5 in parts: expected whole numbers"):
        mixed(Path(), "shards:x", weights=(0.5,))


def test_a_photo_that_is_gone_is_counted_and_the_next_one_taken(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 12, shard_images=4)
    (tmp_path / "photos" / "007.png").unlink()
    views = mixed(tmp_path, f"shards:{labels}")
    seen = numbers(views, range(2))
    assert len(seen) == 12
    assert 7 not in seen
    assert len(views.broken) == 1
    assert "007.png" in next(iter(views.broken.values()))
    views = mixed(tmp_path, f"shards:{labels}", most_broken=0)
    with pytest.raises(LeadlineError, match=r"more than data\.most_broken=0; the first: .*007\.png: check the name"):
        numbers(views, range(2))


def test_a_shard_that_is_cut_short_is_counted_and_left_out(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 12, shard_images=4)
    first = sorted((labels / "shards").iterdir())[0]
    first.write_bytes(first.read_bytes()[:-700])
    part = sorted((labels / "manifest").iterdir())[1]
    part.write_bytes(part.read_bytes()[:20])
    views = mixed(tmp_path, f"shards:{labels}")
    assert sorted(set(numbers(views, range(2)))) == [8, 9, 10, 11]
    assert [line.rpartition(": ")[2] for line in views.broken.values()] == ["run leadline label teacher again"] * 2
    with pytest.raises(LeadlineError, match=r"shard-000000-.* bytes: run leadline label teacher again"):
        ShardSource("", labels).ingest(LabelShards(labels, SIDE), SIDE)


def test_labels_of_two_teachers_or_of_a_kind_without_a_scale_are_refused(tmp_path: Path) -> None:
    one, other = (
        write_labels(tmp_path / "one", 3),
        write_labels(tmp_path / "other", 3, card=ModelCard("b.v2", GreyTeacher().card.kind)),
    )
    part = next((other / "manifest").iterdir())
    part.rename(one / "manifest" / "part-000001.parquet")
    with pytest.raises(LeadlineError, match=r"labels by grey\.v1 .* and by b\.v2 .*expected one teacher"):
        LabelShards(one, SIDE).open()
    ordinal = write_labels(tmp_path / "o", 2, card=ModelCard("o.v1", Kind.parse("disparity/ordinal")))
    with pytest.raises(LeadlineError, match="labels of disparity/ordinal: expected depth, or disparity"):
        LabelShards(ordinal, SIDE).open()
    with pytest.raises(LeadlineError, match=r"no manifest in .*: expected a folder that leadline label teacher wrote"):
        LabelShards(tmp_path, SIDE).open()


def test_a_label_of_another_kind_than_its_folder_is_refused(tmp_path: Path) -> None:
    store = LabelShards(write_labels(tmp_path, 2), SIDE)
    store.open()
    store.kind = METRIC_DEPTH
    with pytest.raises(LeadlineError, match=r"its label is disparity/affine_invariant, the others are depth/metric"):
        store.read(0, 0)


def test_photos_that_can_not_be_read_while_training_say_what_to_do(tmp_path: Path) -> None:
    store = LabelShards(write_labels(tmp_path, 2), SIDE)
    for source in ("https://example.org/a.jpg", "photos.parquet"):
        with pytest.raises(LeadlineError, match="label with --images bytes"):
            store._photo({"source": source, "member": "3"})
