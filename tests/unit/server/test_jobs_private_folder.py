import os
import subprocess
import sys

import pytest

from leadline.server.private_folder import PrivateFolder

pytest.importorskip("fcntl")
LEAVE_BEHIND = """
import os, sys
from pathlib import Path
from leadline.server.private_folder import PrivateFolder
folder = PrivateFolder(Path(sys.argv[1]))
(folder.path / "file").write_text("left")
os._exit(0)
"""


def test_a_folder_is_private_and_goes_with_all_that_is_in_it(tmp_path):
    folder = PrivateFolder(tmp_path / "new" / "parent")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "job").mkdir()
    (folder.path / "job" / "file").write_text("1")
    folder.remove()
    folder.remove()
    assert list((tmp_path / "new" / "parent").iterdir()) == []


def test_folders_in_use_and_of_others_are_left_alone(tmp_path):
    others = tmp_path / "leadline-jobs-without-a-lock", tmp_path / "something else"
    for other in others:
        other.mkdir()
    first, second = PrivateFolder(tmp_path), PrivateFolder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*others, first.path, second.path])
    first.remove()
    second.remove()
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_what_a_dead_process_left_is_removed(tmp_path):
    subprocess.run([sys.executable, "-c", LEAVE_BEHIND, str(tmp_path)], check=True, env=dict(os.environ))
    (left,) = tmp_path.iterdir()
    assert (left / "file").exists()
    folder = PrivateFolder(tmp_path)
    assert list(tmp_path.iterdir()) == [folder.path]
    folder.remove()
