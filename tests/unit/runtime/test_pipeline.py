import threading
import time

import cv2
import numpy as np
import pytest

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.image import Photo
from leadline.predictor import Prediction
from leadline.runtime.onnx_predictor import OnnxPredictor
from leadline.runtime.pipeline import AnySizePredictor, run_pipeline


class Constant:
    """Predicts the picture's first number everywhere, and counts how many calls run at once."""

    def __init__(self, card, streams=1, seconds=0.0):
        self.card, self.streams, self.seconds = card, streams, seconds
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, image, camera=None):
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(self.seconds)
        with self._lock:
            self.running -= 1
        return Prediction(DepthMap(np.full(image.shape[:2], image[0, 0, 0]), kind=self.card.kind, camera=camera))


def photo_of(number):
    return Photo(np.full((4, 6, 3), number, np.uint8), (4, 6))


def first_number(item, photo, prediction):
    return item, float(prediction.depth.values[0, 0])


def test_results_come_in_the_order_of_the_items(card):
    rng = np.random.default_rng(0)
    delays = rng.uniform(0, 0.01, 40)

    def read(item):
        time.sleep(delays[item])
        return photo_of(item)

    results = list(run_pipeline(range(40), Constant(card), first_number, read=read, workers=4))
    assert [result.value for result in results] == [(i, float(i)) for i in range(40)]
    assert all(result.error is None and set(result.seconds) == {"read", "predict", "write"} for result in results)


@pytest.mark.parametrize("stage", ["read", "predict", "write"])
def test_a_failure_is_the_result_of_its_item_alone(card, stage):
    def fail(where, item):
        if where == stage and item == 3:
            raise LeadlineError("item 3 is bad: expected a good one")
        if where == stage and item == 5:
            raise OSError(28, "No space left on device")

    class Failing(Constant):
        def __call__(self, image, camera=None):
            fail("predict", int(image[0, 0, 0]))
            return super().__call__(image, camera)

    def read(item):
        fail("read", item)
        return photo_of(item)

    def write(item, photo, prediction):
        fail("write", item)
        return item

    results = list(run_pipeline(range(8), Failing(card), write, read=read))
    assert [result.value for result in results] == [0, 1, 2, None, 4, None, 6, 7]
    assert results[3].error == "item 3 is bad: expected a good one"
    assert results[5].error == "OSError: [Errno 28] No space left on device"
    assert "fail(" in results[3].traceback
    assert stage in results[3].seconds


def test_no_more_calls_than_streams_are_in_the_network(card):
    for streams in (1, 2):
        predictor = Constant(card, streams, seconds=0.005)
        list(run_pipeline(range(20), predictor, first_number, read=photo_of, workers=4))
        assert predictor.most == streams


def test_stages_overlap(card):
    """20 ms of reading, of the network and of writing for 12 items: 720 ms in sequence, 240 ms and a run-up when overlapped."""

    def read(item):
        time.sleep(0.02)
        return photo_of(item)

    def write(item, photo, prediction):
        time.sleep(0.02)

    start = time.perf_counter()
    list(run_pipeline(range(12), Constant(card, seconds=0.02), write, read=read, workers=4))
    assert time.perf_counter() - start < 0.55


def test_no_more_pictures_are_held_than_there_are_workers(card):
    held, most = 0, 0
    lock = threading.Lock()

    class Counted(Photo):
        def __init__(self, number):
            nonlocal held, most
            super().__init__(*vars(photo_of(number)).values())
            with lock:
                held += 1
                most = max(most, held)

        def __del__(self):
            nonlocal held
            with lock:
                held -= 1

    for result in run_pipeline(range(60), Constant(card, seconds=0.001), first_number, read=Counted, workers=3):
        assert result.error is None
        time.sleep(0.001)  # a slow consumer
    assert most <= 4  # a worker may hold the next one before the last one is collected
    assert held <= 1


def test_items_are_taken_as_they_are_needed(card):
    taken = 0

    def items():
        nonlocal taken
        for number in range(200):
            taken += 1
            yield number

    run = run_pipeline(items(), Constant(card), first_number, read=photo_of, workers=2, ahead=3)
    next(run)
    assert taken <= 2 * 3
    run.close()


def test_leaving_early_stops_the_work_and_leaves_nothing_running(card):
    written = []
    run = run_pipeline(
        range(1000), Constant(card, seconds=0.005), lambda item, *_: written.append(item), read=photo_of, workers=3
    )
    next(run)
    run.close()
    count = len(written)
    assert count < 20
    time.sleep(0.05)
    assert len(written) == count
    assert not any(thread.name.startswith("leadline") for thread in threading.enumerate())


def test_ctrl_c_stops_the_run_after_the_stage_in_hand(card):
    def items():
        yield from range(5)
        raise KeyboardInterrupt

    written = []
    with pytest.raises(KeyboardInterrupt):
        list(run_pipeline(items(), Constant(card), lambda item, *_: written.append(item), read=photo_of))
    assert not any(thread.name.startswith("leadline") for thread in threading.enumerate())


def test_files_are_decoded_small_but_maps_are_of_full_size(tmp_path, mean_onnx, card, gradient_photo):
    big = cv2.resize(gradient_photo, (800, 480), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), big[..., ::-1])
    predictor = OnnxPredictor(mean_onnx(), card)
    assert isinstance(predictor, AnySizePredictor)
    assert not isinstance(Constant(card), AnySizePredictor)

    def sizes(item, photo, prediction):
        return photo.pixels.shape[:2], prediction.depth.hw

    (small,) = run_pipeline([path], predictor, sizes)
    assert small.value == ((60, 100), (480, 800))  # 64 pixels are needed: an eighth is enough
    (full,) = run_pipeline([path], predictor, sizes, full_size=True)
    assert full.value == ((480, 800), (480, 800))


def test_a_bad_file_among_good_ones_is_counted(tmp_path, mean_onnx, card, gradient_photo):
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), gradient_photo)
    bad = tmp_path / "bad.jpg"
    bad.write_text("this is no picture")
    paths = [good, bad, tmp_path / "none.jpg", good]
    results = list(run_pipeline(paths, OnnxPredictor(mean_onnx(), card), lambda *_: "written"))
    assert [result.value for result in results] == ["written", None, None, "written"]
    assert "bad.jpg" in results[1].error
    assert "\n" not in results[1].error
    assert "none.jpg" in results[2].error
