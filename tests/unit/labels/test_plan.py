"""A plan is the same for the same pictures, whole or not there, and each shard is read alone."""

import pytest

from leadline.errors import LeadlineError
from leadline.labels.plan import read_plan, write_plan
from leadline.labels.sources import Entry

pytest.importorskip("pyarrow")


def entries(count, start=0):
    return [Entry("a.tar", f"{number}.png", 512 * number, 100) for number in range(start, start + count)]


def test_shards_hold_all_pictures_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("leadline.labels.plan.SHARDS_IN_A_FILE", 3)
    plan = write_plan(iter(entries(95)), tmp_path, 10)
    assert (plan.summary.images, plan.summary.shards, plan.summary.bytes_known) == (95, 10, 9500)
    assert len(list(plan.folder.glob("*.parquet"))) == 4
    again = read_plan(plan.folder)
    assert [entry for shard in range(10) for entry in again.read_shard(shard)] == entries(95)
    assert again.summary == plan.summary
    assert sorted(path.name for path in tmp_path.iterdir()) == [plan.folder.name]
    assert not list(plan.folder.glob(".*"))


def test_the_hash_knows_pictures_order_places_shards_and_settings(tmp_path):
    base = entries(9)
    variants = [
        (base, 3, ""),
        (base[::-1], 3, ""),
        (base[:-1], 3, ""),
        (base, 4, ""),
        (base, 3, "other"),
        ([base[0]._replace(offset=7), *base[1:]], 3, ""),
    ]
    hashes = [write_plan(these, tmp_path, count, salt).summary.sha256 for these, count, salt in variants]
    assert len(set(hashes)) == len(hashes)
    assert write_plan(base, tmp_path, 3).summary.sha256 == hashes[0]


def test_a_picture_listed_twice_is_refused_by_name(tmp_path):
    with pytest.raises(LeadlineError, match=r"a\.tar#4\.png is listed twice"):
        write_plan(entries(9) + entries(1, start=4), tmp_path, 4)
    assert list(tmp_path.iterdir()) == []


def test_pictures_whose_short_hashes_agree_are_not_taken_for_one(tmp_path, monkeypatch):
    class OneHash:
        def __init__(self, data=b"", digest_size=16):
            pass

        def digest(self):
            return bytes(16)

    monkeypatch.setattr("leadline.labels.plan.hashlib.blake2b", OneHash)
    assert write_plan(entries(9), tmp_path, 4).summary.images == 9


@pytest.mark.parametrize(("count", "shard_images", "line"), [(0, 5, "no pictures to label"), (5, 0, "0 pictures in a shard")])
def test_no_pictures_or_no_shards_are_one_line(tmp_path, count, shard_images, line):
    with pytest.raises(LeadlineError, match=line):
        write_plan(entries(count), tmp_path, shard_images)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_is_gone_or_damaged_is_one_line(tmp_path):
    plan = write_plan(entries(5), tmp_path, 2)
    (plan.folder / "shards-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(LeadlineError, match="can't read the plan's"):
        read_plan(plan.folder).read_shard(0)
    with pytest.raises(LeadlineError, match="can't read the plan"):
        read_plan(tmp_path / "plan-0")
