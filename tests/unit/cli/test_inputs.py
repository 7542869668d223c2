"""Maps by file and by folder, each with the name of its picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.cli.inputs import find_maps
from leadline.errors import LeadlineError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_a_folder_stands_for_its_maps_and_a_file_for_itself(tmp_path: Path) -> None:
    out = touch(tmp_path / "out", "film/0.npz", "film/0.preview.png", "film/deep/1.depth.png", "notes.json", ".2.npz")
    alone = tmp_path / "a.depth.png"
    assert find_maps([out, alone, alone], pictures=False) == [
        ("film/0", out / "film/0.npz"),
        ("film/deep/1", out / "film/deep/1.depth.png"),
        ("a", alone),
    ]


def test_a_folder_of_pictures_leaves_out_outputs_of_earlier_runs(tmp_path: Path) -> None:
    photos = touch(tmp_path / "photos", "film/0.jpg", "film/0.depth.png", "film/clip.mp4")
    assert find_maps([photos], pictures=True) == [("film/0", photos / "film/0.jpg")]


def test_folders_without_and_two_of_one_name_are_one_line(tmp_path: Path) -> None:
    films = touch(tmp_path / "films", "clip.mp4")
    with pytest.raises(LeadlineError, match=r"no pictures in the folder '.*films': expected files such as .jpg or .png"):
        find_maps([films], pictures=True)
    with pytest.raises(LeadlineError, match=r"no depth files in the folder '.*films': expected files such as A.npz"):
        find_maps([films], pictures=False)
    both = touch(tmp_path / "both", "a.npz", "a.depth.png")
    with pytest.raises(LeadlineError, match=r"two maps named 'a', .*a.depth.png and .*a.npz: give them other names"):
        find_maps([both], pictures=False)
