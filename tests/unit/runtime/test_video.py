import numpy as np
import pytest

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth
from leadline.io.video import VideoFrame, VideoReader, VideoWriter
from leadline.predictor import Prediction
from leadline.runtime import video
from leadline.runtime.outputs import OutputOptions
from leadline.runtime.video import iter_depth, predict_video


class Flickering:
    """The picture's brightness, with a scale and a shift that change with every call."""

    streams = 1

    def __init__(self, card, fail_at=None):
        self.card, self.fail_at, self.calls = card, fail_at, 0

    def __call__(self, image, camera=None):
        rng = np.random.default_rng(self.calls)
        self.calls += 1
        if self.calls - 1 == self.fail_at:
            raise LeadlineError("the network is tired: let it rest")
        values = image.mean(axis=2) * rng.uniform(0.8, 1.25) + rng.uniform(-20, 20)
        return Prediction(DepthMap(values, kind=self.card.kind))


def clip(count=12, h=48, w=64, cut_at=None):
    y, x = np.mgrid[0:h, 0:w]
    for i in range(count):
        pixels = np.stack([100 + 60 * np.sin((x + i) / 9) + y / 2] * 3, axis=-1)
        if cut_at is not None and i >= cut_at:
            pixels = 255 - pixels.transpose(1, 0, 2).repeat(2, axis=1)[:h, :w] / 3
        yield VideoFrame(i, i / 10, np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture
def clip_file(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 10, (48, 64)) as writer:
        for frame in clip():
            writer.write(frame.pixels)
    return path


def spread_of(frames):
    """How much each frame's contrast differs from the one before."""
    return np.abs(np.diff(np.log([frame.depth.values.std() for frame in frames]))).mean()


def test_smoothing_takes_the_flicker_out(card):
    raw = list(iter_depth(clip(), Flickering(card), smooth=False))
    steady = list(iter_depth(clip(), Flickering(card)))
    assert spread_of(steady) < 0.3 * spread_of(raw)
    assert [done.frame.index for done in steady] == list(range(12))


def test_a_cut_starts_afresh(card):
    raw = list(iter_depth(clip(cut_at=6), Flickering(card), smooth=False))
    steady = list(iter_depth(clip(cut_at=6), Flickering(card)))
    assert [done.cut for done in steady] == [i == 6 for i in range(12)]
    np.testing.assert_array_equal(steady[6].depth.values, raw[6].depth.values)
    assert not np.array_equal(steady[7].depth.values, raw[7].depth.values)


def test_a_preview_and_files_for_each_frame_are_written(card, clip_file, tmp_path):
    options = OutputOptions(("preview", "npz"))
    seen = []
    outputs = predict_video(clip_file, Flickering(card), tmp_path / "out" / "clip", options, on_frame=seen.append)
    assert outputs == [tmp_path / "out" / "clip.preview.mp4", tmp_path / "out" / "clip"]
    preview = VideoReader(outputs[0])
    assert (preview.hw, preview.fps, len(list(preview))) == ((48, 64), 10, 12)
    names = sorted(file.name for file in outputs[1].iterdir())
    assert names == [f"{i:06d}.npz" for i in range(12)]
    depth = read_depth(outputs[1] / "000005.npz")
    assert depth.kind == card.kind
    np.testing.assert_array_equal(depth.values, seen[5].depth.values)


def test_side_by_side_shows_the_frame_at_the_left(card, clip_file, tmp_path):
    options = OutputOptions(("preview",), side_by_side=True)
    (preview,) = predict_video(clip_file, Flickering(card), tmp_path / "a", options)
    first, source = next(iter(VideoReader(preview))), next(iter(VideoReader(clip_file)))
    assert first.pixels.shape == (48, 128, 3)
    assert np.abs(first.pixels[:, :64].astype(int) - source.pixels).mean() < 6


def test_a_fixed_range_is_one_for_all_frames(card, clip_file, tmp_path):
    ranges = []
    predict_video(
        clip_file, Flickering(card), tmp_path / "a", colours="fixed", on_frame=lambda done: ranges.append(done.value_range)
    )
    assert len(set(ranges)) == 1
    predict_video(
        clip_file,
        Flickering(card),
        tmp_path / "b",
        OutputOptions(("preview",), value_range=(1.0, 2.0)),
        colours="fixed",
        on_frame=lambda done: ranges.append(done.value_range),
    )
    assert ranges[-1] == (1.0, 2.0)


def test_odd_sizes_are_said(card, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "iter_camera", lambda index: clip(3, 47, 63))
    said = []
    (preview,) = predict_video("0", Flickering(card), tmp_path / "webcam-0", say=said.append)
    assert said == ["63 x 47 was made 64 x 48: the codec needs even sizes"]
    assert len(list(VideoReader(preview))) == 3


def test_a_failing_frame_fails_the_video_and_leaves_no_preview(card, clip_file, tmp_path):
    with pytest.raises(LeadlineError, match="frame 4: the network is tired"):
        predict_video(clip_file, Flickering(card, fail_at=4), tmp_path / "out" / "a")
    assert not list((tmp_path / "out").iterdir())


def test_ctrl_c_ends_a_webcams_preview_properly_and_a_files_not_at_all(card, clip_file, tmp_path, monkeypatch):
    def interrupted(index=None):
        yield from clip(5)
        raise KeyboardInterrupt

    monkeypatch.setattr(video, "iter_camera", interrupted)
    (preview,) = predict_video("0", Flickering(card), tmp_path / "live")
    assert 1 <= len(list(VideoReader(preview))) <= 5

    def stop(done):
        if done.frame.index == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_video(clip_file, Flickering(card), tmp_path / "out" / "a", on_frame=stop)
    assert not list((tmp_path / "out").iterdir())
