import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import LeadlineError
from leadline.server import zip_input
from leadline.server.zip_input import UniqueNames, ZipInput, ZipLimits, safe_name


def packed(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_pictures_come_back_as_they_were_packed(tmp_path):
    with ZipInput(packed(tmp_path / "a.zip", {"one.jpg": b"1" * 100_000, "in/two.png": b"2"})) as pictures:
        assert [entry.name for entry in pictures.pictures] == ["one.jpg", "in/two.png"]
        assert [pictures.read(entry) for entry in pictures.pictures] == [b"1" * 100_000, b"2"]


def test_what_is_no_picture_is_named_with_its_reason(tmp_path):
    entries = {"a.jpg": b"1", "b.zip": b"2", "notes.txt": b"3", "a.depth.png": b"4", "__MACOSX/._a.jpg": b"5", "folder/": b""}
    with ZipInput(packed(tmp_path / "a.zip", entries)) as pictures:
        reasons = {entry.name: entry.ignored for entry in pictures.entries}
    assert reasons["a.jpg"] is None
    assert "archive" in reasons["b.zip"]
    assert "picture" in reasons["notes.txt"]
    assert "output of leadline" in reasons["a.depth.png"]
    assert len(reasons) == 4


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.jpg", "a.jpg"),
        ("../../etc/passwd.png", "etc/passwd.png"),
        ("/root/a.png", "root/a.png"),
        ("C:\\Windows\\a.png", "C_/Windows/a.png"),
        ("..\\..\\a.png", "a.png"),
        ("a/./b/../c.png", "a/b/c.png"),
        ("new\nline\x00.png", "new_line_.png"),
        ("con.png", "_con.png"),
        (".hidden.png", "_.hidden.png"),
        ("dots...", "dots"),
        ("..", "_"),
        ("", "_"),
        ("right\u202eto left.png", "right_to left.png"),
    ],
)
def test_a_name_that_leads_elsewhere_is_made_a_plain_one(name, safe):
    assert safe_name(name) == safe


@given(st.text(max_size=300))
def test_every_name_becomes_a_relative_path_that_stays_inside(name):
    path = PurePosixPath(safe_name(name))
    assert not path.is_absolute()
    assert path.parts
    assert not {"..", "."}.intersection(path.parts)
    assert len(str(path)) <= 200
    assert "\\" not in str(path)
    assert ":" not in str(path)
    assert safe_name(str(path)) == str(path)


def test_names_that_a_system_takes_for_one_become_two():
    names = UniqueNames()
    assert [names.add(name) for name in ("a.jpg", "A.jpg", "a.jpg", "a-2.jpg")] == ["a.jpg", "A-2.jpg", "a-3.jpg", "a-2-2.jpg"]


def test_ten_thousand_entries_are_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {f"{i}.png": b"" for i in range(10_000)}, zipfile.ZIP_STORED)
    with pytest.raises(LeadlineError, match=r"10,000 entries: expected at most 5,000"):
        ZipInput(path)


def test_a_list_of_entries_is_refused_before_it_is_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_input, "_MOST_BYTES_AT_ONCE", 1 << 17)
    path = packed(tmp_path / "a.zip", {f"{i}.png": b"" for i in range(3_000)}, zipfile.ZIP_STORED)
    with pytest.raises(LeadlineError, match="list of entries is longer"):
        ZipInput(path)


def test_a_list_of_entries_that_claims_gigabytes_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"a.png": b"1"})
    data = bytearray(path.read_bytes())
    data[-10:-6] = struct.pack("<I", 0x7FFFFFFF)  # the size of the list, in the end record
    path.write_bytes(data)
    with pytest.raises(LeadlineError, match="zip"):
        ZipInput(path)


def test_a_picture_that_unpacks_to_too_much_stops_at_the_limit(tmp_path):
    path = packed(tmp_path / "a.zip", {"bomb.png": b"\0" * 20_000_000, "good.png": b"1"})
    assert path.stat().st_size < 25_000
    with ZipInput(path, ZipLimits(entry_bytes=1_000_000)) as pictures:
        bomb, good = pictures.pictures
        with pytest.raises(LeadlineError, match="unpacks to more than"):
            pictures.read(bomb)
        assert pictures.read(good) == b"1"


def test_many_pictures_that_unpack_to_too_much_together_stop_at_the_limit(tmp_path):
    path = packed(tmp_path / "a.zip", {f"{i}.png": b"\0" * 100_000 for i in range(5)})
    with ZipInput(path, ZipLimits(total_bytes=250_000)) as pictures:
        first, second, *rest = pictures.pictures
        assert len(pictures.read(first)) == len(pictures.read(second)) == 100_000
        for entry in rest:
            with pytest.raises(LeadlineError, match="zip unpacks to more"):
                pictures.read(entry)


def test_a_size_that_the_zip_understates_does_not_help_it(tmp_path):
    """The reader of the standard library stops at the stated size, and then the checksum is wrong."""
    path = packed(tmp_path / "a.zip", {"bomb.png": b"\0" * 5_000_000})
    data = path.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10))
    path.write_bytes(data)
    with ZipInput(path) as pictures, pytest.raises(LeadlineError, match="damaged in the zip"):
        pictures.read(pictures.pictures[0])


def test_a_picture_with_flipped_bytes_is_damaged_and_the_next_is_read(tmp_path):
    path = packed(tmp_path / "a.zip", {"a.png": b"abcdef" * 50, "b.png": b"2"}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"abcdef" * 50, b"abcdeg" * 50))
    with ZipInput(path) as pictures:
        with pytest.raises(LeadlineError, match="damaged in the zip"):
            pictures.read(pictures.pictures[0])
        assert pictures.read(pictures.pictures[1]) == b"2"


def test_methods_that_take_memory_at_the_files_word_are_ignored(tmp_path):
    with ZipInput(packed(tmp_path / "a.zip", {"a.png": b"1"}, zipfile.ZIP_LZMA)) as pictures:
        assert not pictures.pictures
        assert "deflate" in pictures.entries[0].ignored


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"PK\3\4" + b"\0" * 40, zlib.compress(b"x"), b"no zip" * 1000])
def test_what_is_no_zip_is_refused_in_one_line(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(LeadlineError) as caught:
        ZipInput(path)
    assert "\n" not in str(caught.value)


def test_a_zip_that_is_cut_off_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"a.png": bytes(1000)}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(LeadlineError, match="damaged or cut off"):
        ZipInput(path)
