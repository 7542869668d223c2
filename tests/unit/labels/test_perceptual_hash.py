"""Pictures that look alike have hashes that differ in few bits; the gate keeps the order of pictures, not of threads."""

import threading
import time

import cv2
import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.labels.perceptual_hash import Gate, bits_apart, perceptual_hash


def scene(seed, hw=(200, 300)):
    rough = np.random.default_rng(seed).integers(0, 255, (8, 12, 3), np.uint8)
    return np.asarray(cv2.resize(rough, hw[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def apart(one, other):
    return int(bits_apart(np.array([one], np.uint64), np.uint64(other))[0])


def slow_hash(pixels):
    """The same by the definition of the cosine transform, in float64."""
    small = cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float64)
    n, k = np.arange(32), np.arange(1, 9)
    basis = np.cos(np.pi * (2 * n[None] + 1) * k[:, None] / 64)
    low = basis @ grey @ basis.T
    bits = (low > np.median(low)).ravel()
    return sum(int(bit) << (63 - place) for place, bit in enumerate(bits))


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_is_that_of_the_slow_definition(seed):
    assert apart(perceptual_hash(scene(seed)), slow_hash(scene(seed))) <= 1  # a coefficient may lie on the median


def test_resized_brightened_and_recompressed_pictures_are_near_and_others_far():
    for seed in range(8):
        pixels = scene(seed)
        jpeg = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
        half = cv2.resize(pixels, (150, 100), interpolation=cv2.INTER_AREA)
        bright = np.clip(pixels.astype(np.float32) * 0.9 + 5, 0, 255).astype(np.uint8)
        for alike in (jpeg, half, bright):
            assert apart(perceptual_hash(pixels), perceptual_hash(alike)) <= 4
        assert apart(perceptual_hash(pixels), perceptual_hash(scene(seed + 100))) > 12


def test_pictures_of_one_colour_are_alike():
    assert perceptual_hash(np.full((50, 70, 3), 200, np.uint8)) == perceptual_hash(np.full((9, 9, 3), 3, np.uint8))


def test_bits_are_counted_one_by_one():
    numbers = np.array([0, 1, 2**63, 2**64 - 1, 0xF0F0], np.uint64)
    assert bits_apart(numbers, np.uint64(0)).tolist() == [0, 1, 1, 64, 8]


def test_the_first_of_those_alike_passes_whatever_the_order_of_the_threads():
    hashes = [7, 1 << 40, 7, None, (1 << 40) | 1, 5 << 20, 7]
    expected = [None, None, 0, None, 1, None, 0]
    for attempt in range(5):
        gate, found = Gate(most_bits=1), {}
        order = np.random.default_rng(attempt).permutation(len(hashes)).tolist()

        def bring(row, gate=gate, found=found):
            found[row] = gate.admit(row, hashes[row])

        threads = [threading.Thread(target=bring, args=(row,)) for row in order]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [found[row] for row in range(len(hashes))] == expected


def test_a_thread_that_waits_gives_up_when_the_work_has_ended():
    stopped = threading.Event()
    gate, errors = Gate(0, stopped.is_set), []

    def wait():
        try:
            gate.admit(3, 1)
        except LeadlineError as error:
            errors.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    stopped.set()
    thread.join(10)
    assert errors == ["stopped"]
