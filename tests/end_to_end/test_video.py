"""`leadline predict` on videos: odd sizes, rotation, broken files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from tests.end_to_end.command import json_rows, leadline_command


def write_video(path: Path, hw: tuple[int, int], frames: int = 5, codec: str = "mpeg4") -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height = hw[1], hw[0]
        stream.pix_fmt = "yuv420p" if codec == "mpeg4" else "bgr0"
        for i in range(frames):
            pixels = np.full((*hw, 3), 20 * i, dtype=np.uint8)
            pixels[: hw[0] // 2] += 60
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def shape_of(path: Path) -> tuple[int, int, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sum(1 for _ in container.decode(stream)), stream.height, stream.width


def test_a_video_becomes_a_preview_video_and_files_for_each_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", (48, 64))
    done = leadline_command("predict", tmp_path / "clip.mp4", "--out", tmp_path / "o", "--write", "preview,npz", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json_rows(done)
    assert row["error"] is None
    assert shape_of(tmp_path / "o" / "clip.preview.mp4") == (5, 48, 64)
    assert len(list((tmp_path / "o" / "clip").glob("*.npz"))) == 5


def test_odd_sizes_are_padded_to_even_ones(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.mkv", (49, 65), codec="ffv1")
    done = leadline_command("predict", tmp_path / "odd.mkv", "--out", tmp_path / "o")
    assert done.returncode == 0, done.stderr
    assert shape_of(tmp_path / "o" / "odd.preview.mp4") == (5, 50, 66)


def test_a_video_without_frames_and_a_text_file_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video\n")
    write_video(tmp_path / "none.mp4", (48, 64), frames=0)
    done = leadline_command("predict", tmp_path / "text.mp4", tmp_path / "none.mp4", "--out", tmp_path / "o", "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    rows = json_rows(done)
    assert all(row["error"] and "\n" not in row["error"] for row in rows)
    assert not list((tmp_path / "o").rglob("*.mp4"))
