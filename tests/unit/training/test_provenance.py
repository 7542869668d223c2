from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import leadline
from leadline.training.provenance import git_state, provenance


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "kept.txt").write_text("one")
    (tmp_path / ".gitignore").write_text("venv\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_checkpoint_knows_the_commit_of_the_users_folder_and_the_version(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    found = provenance()
    assert found["leadline"] == leadline.__version__
    assert found["working_git"] == {"commit": git(tree, "rev-parse", "HEAD"), "dirty": False}


def test_a_changed_file_makes_the_tree_dirty_and_a_new_one_does_not(tree: Path) -> None:
    (tree / "runs.log").write_text("x")
    assert git_state(tree) == {"commit": git(tree, "rev-parse", "HEAD"), "dirty": False}
    (tree / "kept.txt").write_text("two")
    assert git_state(tree) == {"commit": git(tree, "rev-parse", "HEAD"), "dirty": True}


def test_a_folder_that_the_tree_ignores_or_that_lies_in_none_has_no_state(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tree / "venv").mkdir()
    assert git_state(tree / "venv") is None  # an installed leadline is not the user's code
    assert git_state(tmp_path_factory.mktemp("bare")) is None


def test_without_git_there_is_no_state_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None
