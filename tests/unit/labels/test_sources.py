"""Pictures to label are listed in a fixed order from whatever holds them, and each is read alone."""

import pytest
from tests.unit.labels.pictures_and_teachers import encoded, noise, noise_tar, write_tar

from leadline.errors import LeadlineError
from leadline.labels.source_bytes import Item, iter_items, read_bytes
from leadline.labels.sources import Entry, iter_entries

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def listed(*inputs):
    return list(iter_entries([str(text) for text in inputs]))


def contents(*inputs):
    return [read_bytes(item) for item in iter_items(listed(*inputs))]


@pytest.fixture
def three():
    return [encoded(noise(seed)) for seed in range(3)]


def test_a_folder_is_searched_deep_in_the_order_of_names_without_hidden_files_and_own_outputs(tmp_path, three):
    for name in ("b/2.png", "a/9.png", "c.png", "a/.hidden.png", ".cache/x.png", "a/9.depth.png", "notes.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(three[0])
    found = listed(tmp_path)
    assert [entry.source.removeprefix(f"{tmp_path}/") for entry in found] == ["a/9.png", "b/2.png", "c.png"]
    assert {entry.size for entry in found} == {len(three[0])}


def test_a_glob_and_a_list_name_pictures(tmp_path, three):
    for number, data in enumerate(three):
        (tmp_path / f"{number}.png").write_bytes(data)
    (tmp_path / "some.txt").write_text("# two of them\n2.png\n\n0.png\ngone.png\n")
    assert contents(tmp_path / "[01].png") == three[:2]
    found = listed(tmp_path / "some.txt")
    assert [entry.source.rpartition("/")[2] for entry in found] == ["2.png", "0.png", "gone.png"]
    with pytest.raises(LeadlineError, match=r"no file .*gone.png: check the name"):
        read_bytes(Item(found[2]))


def test_a_tar_gives_its_pictures_and_nothing_else(tmp_path, three):
    files = {"a.png": three[0], "a.json": b"{}", "long/" + "n" * 120 + ".png": three[1], "b.JPG": three[2], "._a.png": b"x"}
    path = write_tar(tmp_path / "0.tar", files)
    assert contents(path) == three
    assert contents(tmp_path) == three  # a folder of shards


def test_a_tar_cut_short_gives_what_is_whole_and_says_that_the_rest_is_missing(tmp_path, three):
    path = write_tar(tmp_path / "0.tar", {f"{n}.png": data for n, data in enumerate(three)})
    whole = listed(path)
    path.write_bytes(path.read_bytes()[: whole[2].offset + 100])
    items = [Item(entry) for entry in listed(path)]
    assert [read_bytes(item) for item in items[:2]] == three[:2]
    with pytest.raises(LeadlineError, match=f"cut short: 100 of {len(three[2])} bytes"):
        read_bytes(items[2])
    with pytest.raises(LeadlineError, match="the tar is damaged or cut short after 3 pictures"):
        read_bytes(items[3])
    assert len(items) == 4


@pytest.mark.parametrize("shape", ["plain", "struct"])
def test_rows_of_a_parquet_file_are_read_in_order_across_row_groups(tmp_path, shape):
    data = [encoded(noise(seed)) for seed in range(50)]
    image = data if shape == "plain" else [{"bytes": one, "path": f"{n}.png"} for n, one in enumerate(data)]
    table = arrow.table({"caption": ["x"] * 50, "image": image})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    entries = listed(tmp_path / "a.parquet")
    assert [read_bytes(item) for item in iter_items(entries)] == data
    assert [read_bytes(item) for item in iter_items(entries[11:23])] == data[11:23]
    assert [read_bytes(item) for item in iter_items(entries[49:])] == data[49:]


def test_a_parquet_file_without_a_column_of_pictures_is_refused_by_its_columns(tmp_path):
    parquet.write_table(arrow.table({"a": [b"x"], "b": [b"y"]}), tmp_path / "a.parquet")
    with pytest.raises(LeadlineError, match=r"2 columns of bytes \(a, b\)"):
        listed(tmp_path / "a.parquet")


def test_a_damaged_parquet_file_is_one_entry_that_says_so(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    [entry] = listed(tmp_path)
    assert "damaged or cut short" in entry.problem


def test_urls_are_listed_and_read_like_local_files(tmp_path, three):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    try:
        system.pipe({f"/photos/{n}/{n}.png": data for n, data in enumerate(three)})
        system.pipe({"/shards/0.tar": noise_tar(tmp_path / "0.tar", 3).read_bytes()})
        parquet.write_table(arrow.table({"image": three}), tmp_path / "0.parquet")
        system.pipe({"/rows/0.parquet": (tmp_path / "0.parquet").read_bytes()})
        system.pipe({"/lists/all.txt": b"memory://photos/2/2.png\nmemory://gone.png\n"})
        assert contents("memory://photos") == three
        assert contents("memory://photos/*/*.png") == three
        assert contents("memory://shards") == three
        assert contents("memory://rows/0.parquet") == three
        found = listed("memory://lists/all.txt")
        assert read_bytes(Item(found[0])) == three[2]
        with pytest.raises(LeadlineError, match=r"no file memory://gone.png"):
            read_bytes(Item(found[1]))
    finally:
        system.store.clear()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nowhere", "no file or folder 'nowhere'"),
        ("memory://nowhere", "no file memory://nowhere"),
        ("nosuchthing://a/b", "can't open nosuchthing://a/b: Protocol not known"),
        ("*.nothing", "no pictures in"),
    ],
)
def test_an_input_that_is_not_there_is_one_line(text, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LeadlineError, match=line.replace("*", r"\*")) as caught:
        listed(text)
    assert "\n" not in str(caught.value)


def test_a_url_that_fails_is_tried_again_and_a_missing_file_is_not(monkeypatch):
    class Flaky:
        tried = 0

        def cat_file(self, path, **span):
            Flaky.tried += 1
            if "gone" in path:
                raise FileNotFoundError(path)
            if Flaky.tried < 3:
                raise TimeoutError("slow")
            return b"picture"

    monkeypatch.setattr("leadline.labels.source_bytes.file_system", lambda url: (Flaky(), url))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert read_bytes(Item(Entry("s3://a/b.png", size=7))) == b"picture"
    Flaky.tried = 0
    with pytest.raises(LeadlineError, match="no file"):
        read_bytes(Item(Entry("s3://a/gone.png", size=7)))
    assert Flaky.tried == 1


def test_a_file_of_two_gigabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    [entry] = listed(path)
    with pytest.raises(LeadlineError, match="more than 1074 MB"):
        read_bytes(Item(entry))
    with pytest.raises(LeadlineError, match="more than 1000 MB"):
        read_bytes(Item(entry._replace(size=-1)), 1_000_000_000)
