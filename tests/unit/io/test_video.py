from fractions import Fraction

import av
import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.io import video
from leadline.io.video import VideoReader, VideoWriter, iter_camera


def picture(h=48, w=64):
    """Red above, green at the left, blue elsewhere: every turn and flip tells."""
    pixels = np.zeros((h, w, 3), np.uint8)
    pixels[..., 2] = 90
    pixels[:, :16] = (0, 220, 0)
    pixels[:16] = (220, 0, 0)
    return pixels


def write_raw(path, frames, *, rotation=None, hflip=False, pts=None, rate=10):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=hflip)
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def close(a, b):
    """Equal up to lossy colour."""
    return a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 12


def test_what_was_written_is_read_back_in_order_and_colour(tmp_path):
    path = tmp_path / "a clip ä.mp4"
    with VideoWriter(path, 25, (48, 64)) as writer:
        for i in range(8):
            frame = picture()
            frame[32:, 32:] = 30 * i
            writer.write(frame)
    reader = VideoReader(path)
    assert (reader.hw, reader.fps, reader.frame_count) == ((48, 64), 25, 8)
    for _ in range(2):  # a reader may be iterated again
        frames = list(reader)
        assert [frame.index for frame in frames] == list(range(8))
        np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(8) / 25, atol=1e-3)
        for i, frame in enumerate(frames):
            assert close(frame.pixels[:32], picture()[:32])
            assert frame.pixels[40, 56].mean() == pytest.approx(30 * i, abs=6)
    assert list(tmp_path.iterdir()) == [path]


def test_colours_of_hd_survive_the_matrix(tmp_path):
    """Reading BT.709 with the matrix of BT.601 would shift a pure green by more than ten levels."""
    frame = np.full((720, 64, 3), (30, 200, 60), np.uint8)
    with VideoWriter(tmp_path / "hd.mp4", 10, (720, 64)) as writer:
        writer.write(frame)
    (read,) = VideoReader(tmp_path / "hd.mp4")
    np.testing.assert_allclose(read.pixels.mean(axis=(0, 1)), (30, 200, 60), atol=3)


@pytest.mark.skipif(not hasattr(av.video.stream.VideoStream, "set_display_rotation"), reason="PyAV can't write rotations")
@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_rotation_metadata_is_applied(tmp_path, turns, hflip):
    """A display matrix turns counterclockwise by `rotation`, then mirrors."""
    path = tmp_path / "turned.mp4"
    write_raw(path, [picture()] * 3, rotation=90 * turns, hflip=hflip)
    expected = np.rot90(picture(), turns)
    expected = expected[:, ::-1] if hflip else expected
    reader = VideoReader(path)
    assert reader.hw == expected.shape[:2]
    for frame in reader:
        assert close(frame.pixels, expected)


def test_variable_frame_rates_keep_their_times(tmp_path):
    times = [0, 40, 200, 210, 900]
    write_raw(tmp_path / "v.mkv", [picture()] * 5, pts=times)
    read = [frame.time_s for frame in VideoReader(tmp_path / "v.mkv")]
    np.testing.assert_allclose(read, np.array(times) / 1000, atol=2e-3)
    with VideoWriter(tmp_path / "w.mp4", 25, (48, 64)) as writer:
        for time_s in read:
            writer.write(picture(), time_s)
    np.testing.assert_allclose([frame.time_s for frame in VideoReader(tmp_path / "w.mp4")], read, atol=2e-3)


def test_odd_sizes_are_made_even_and_said_so(tmp_path):
    with VideoWriter(tmp_path / "odd.mp4", 25, (47, 63)) as writer:
        writer.write(picture(47, 63))
    assert writer.notes == ("63 x 47 was made 64 x 48: the codec needs even sizes",)
    (frame,) = VideoReader(tmp_path / "odd.mp4")
    assert frame.pixels.shape == (48, 64, 3)
    assert close(frame.pixels[:47, :63], picture(47, 63))


def test_odd_sizes_are_read(tmp_path):
    # FFV1 keeps odd sizes, as files of screen recorders do.
    with av.open(str(tmp_path / "odd.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.height, stream.width, stream.pix_fmt = 47, 63, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(47, 63), format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    assert VideoReader(tmp_path / "odd.mkv").hw == (47, 63)


def test_without_x264_another_codec_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "_CODECS", ("no_such_codec", "mpeg4"))
    with VideoWriter(tmp_path / "a.mp4", 25, (48, 64)) as writer:
        writer.write(picture())
        writer.write(picture())
    assert writer.codec == "mpeg4"
    assert close(next(iter(VideoReader(tmp_path / "a.mp4"))).pixels, picture())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path, error):
    def fail():
        with VideoWriter(tmp_path / "a.mp4", 25, (48, 64)) as writer:
            writer.write(picture())
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_no_frames_leave_nothing_behind(tmp_path):
    def write_nothing():
        with VideoWriter(tmp_path / "a.mp4", 25, (48, 64)):
            pass

    with pytest.raises(LeadlineError, match="no frames"):
        write_nothing()
    assert list(tmp_path.iterdir()) == []


def test_wrong_frames_are_refused(tmp_path):
    def write(frame, time_s=None):
        with VideoWriter(tmp_path / "a.mp4", 25, (48, 64)) as writer:
            writer.write(picture(), 1.0)
            writer.write(frame, time_s)

    with pytest.raises(LeadlineError, match=r"expected uint8 \(48, 64, 3\)"):
        write(picture(48, 66))
    with pytest.raises(LeadlineError, match=r"expected a time after 1\.000 s"):
        write(picture(), 0.5)


@pytest.mark.parametrize(("name", "message"), [("a.xyz", "try a name ending in .mp4"), ("no/folder\0/a.mp4", "can't write")])
def test_an_unwritable_name_is_one_line(tmp_path, name, message):
    def write():
        with VideoWriter(tmp_path / name, 25, (48, 64)) as writer:
            writer.write(picture())

    if "\0" in name:
        (tmp_path / "file").write_text("")
        name = "file/a.mp4"  # a folder that is a file
    with pytest.raises(LeadlineError, match=message) as error:
        write()
    assert "\n" not in str(error.value)


def test_what_is_no_video_is_refused_in_one_line(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("this is no video")
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path / "none.mp4"):
        with pytest.raises(LeadlineError, match=rf"can't read the video '.*{path.name}'") as error:
            VideoReader(path)
        assert "\n" not in str(error.value)


def test_a_sound_file_has_no_video(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(LeadlineError, match="has no pictures in it"):
        VideoReader(path)


@pytest.mark.parametrize(
    ("suffix", "message"), [(".avi", "has no frames"), (".mp4", "has no pictures"), (".mkv", "can't read")]
)
def test_a_video_without_frames_is_refused(tmp_path, suffix, message):
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        container.start_encoding()
    with pytest.raises(LeadlineError, match=message):
        VideoReader(path)


def test_a_camera_that_is_not_there_is_one_line(capfd):
    with pytest.raises(LeadlineError, match="no camera 63: expected the number of a webcam"):
        next(iter_camera(63))
    assert capfd.readouterr().err == ""


def test_a_camera_gives_rgb_frames(monkeypatch):
    import cv2

    class Camera:
        def __init__(self, index):
            self.left = 2

        def isOpened(self):
            return True

        def read(self):
            self.left -= 1
            return self.left >= 0, picture()[..., ::-1].copy()

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    frames = list(iter_camera(0))
    assert [frame.index for frame in frames] == [0, 1]
    np.testing.assert_array_equal(frames[0].pixels, picture())
    assert frames[0].time_s == 0 < frames[1].time_s
