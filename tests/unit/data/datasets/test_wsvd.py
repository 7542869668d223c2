"""WSVD's lists and videos, written here as its authors lay them out."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.data.datasets import wsvd
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

H, W = 64, 128


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "wsvd").mkdir()
    video = cv2.VideoWriter(str(tmp_path / "wsvd" / "abcDEF_-123.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (W, H))
    for i in range(12):  # the left half tells the frame, the right half its complement
        frame = np.full((H, W, 3), 20 * i, np.uint8)
        frame[:, W // 2 :] = 255 - 20 * i
        video.write(frame)
    video.release()
    clips = [
        {"name": "abcDEF_-123", "clips": [{"frames": [2, 3]}, {"frames": np.array([7])}]},
        {"name": "gone", "clips": [{"frames": [1]}]},
    ]
    (tmp_path / "wsvd_test_clip_frame_ids.pkl").write_bytes(pickle.dumps(clips))
    (tmp_path / "wsvd_train_clip_frame_ids.pkl").write_bytes(
        pickle.dumps([{"name": "abcDEF_-123_0001", "clips": [{"frames": range(10, 11)}]}])
    )
    return tmp_path


def test_frames_of_the_lists_are_cut_into_left_and_right_at_full_width(root: Path) -> None:
    samples = list(wsvd.iter_samples(root))
    assert [s.name for s in samples] == [
        "test/abcDEF_-123/000/000002",
        "test/abcDEF_-123/000/000003",
        "test/abcDEF_-123/001/000007",
        "train/abcDEF_-123/000/000010",
    ]
    for sample, frame in zip(samples, (2, 3, 7, 10), strict=True):
        assert isinstance(sample, StereoPair)
        assert sample.depth is None
        assert sample.right is not None
        assert sample.image.shape == sample.right.shape == (H, W, 3)
        assert abs(sample.image.mean() - 20 * frame) < 6
        assert abs(sample.right.mean() - (255 - 20 * frame)) < 6


def test_without_the_lists_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="expected the authors' lists of clips"):
        list(wsvd.iter_samples(tmp_path))


def test_a_list_that_would_run_code_is_refused(root: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("touch evil",)

    (root / "wsvd_test_clip_frame_ids.pkl").write_bytes(pickle.dumps([Evil()]))
    with pytest.raises(LeadlineError, match="is no list of numbers"):
        list(wsvd.iter_samples(root))


def test_a_frame_beyond_the_videos_end_is_one_line(root: Path) -> None:
    clips = [{"name": "abcDEF_-123", "clips": [{"frames": [500]}]}]
    (root / "wsvd_test_clip_frame_ids.pkl").write_bytes(pickle.dumps(clips))
    with pytest.raises(LeadlineError, match="has no frame 500"):
        list(wsvd.iter_samples(root))
