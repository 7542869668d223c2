"""Files appear whole or not at all."""

import signal
import subprocess
import sys
import textwrap

import pytest

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write


def test_the_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "er" / "map.png"
    with atomic_write(target) as temporary:
        temporary.write_bytes(b"new")
        assert not target.exists()
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".png"
    assert target.read_bytes() == b"new"
    assert [p.name for p in target.parent.iterdir()] == ["map.png"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, error):
    target = tmp_path / "map.png"
    target.write_bytes(b"old")

    def write() -> None:
        with atomic_write(target) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"map.png": b"old"}


def test_ctrl_c_while_writing_leaves_nothing(tmp_path):
    program = textwrap.dedent("""
        import sys, time
        from leadline.io.atomic import atomic_write
        with atomic_write(sys.argv[1]) as temporary, temporary.open("wb") as file:
            file.write(b"half")
            file.flush()
            print("writing", flush=True)
            time.sleep(30)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "map.png")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background inherits that interrupts are ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(LeadlineError, match="it is a folder"), atomic_write(tmp_path):
        pytest.fail("the block must not run")


def test_a_file_in_the_place_of_a_folder_is_a_line_of_its_own(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LeadlineError, match="not a folder"), atomic_write(tmp_path / "file" / "map.png"):
        pytest.fail("the block must not run")


def test_a_full_disk_is_one_line(tmp_path):
    def write() -> None:
        with atomic_write(tmp_path / "map.png") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(LeadlineError, match=r"can't write .*map.png: the disk or quota is full; free some space"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_permission_is_one_line(tmp_path, monkeypatch):
    def write() -> None:
        with atomic_write(tmp_path / "map.png") as temporary:
            raise PermissionError(13, "Permission denied", str(temporary))

    with pytest.raises(LeadlineError, match="no permission; choose a folder"):
        write()


def test_an_error_about_another_file_keeps_its_own_message(tmp_path):
    def copy() -> None:
        with atomic_write(tmp_path / "map.png"):
            (tmp_path / "source.png").read_bytes()

    with pytest.raises(FileNotFoundError):
        copy()


def test_the_longest_names_that_a_file_system_takes_can_be_written(tmp_path):
    target = tmp_path / ("n" * 251 + ".png")
    with atomic_write(target) as temporary:
        temporary.write_bytes(b"x")
    assert target.exists()


@pytest.mark.parametrize("name", ["with space.npz", "深度 карта.npz", "no suffix"])
def test_names_of_any_language_work(tmp_path, name):
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_bytes(b"x")
    assert [p.name for p in tmp_path.iterdir()] == [name]
