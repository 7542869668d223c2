"""Pictures that look alike: 64-bit perceptual hashes, and the gate that lets the first of each group pass."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

BITS = 64
_SIDE = 32
_ONES = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """Return the hash of a picture: which of its 8 x 8 lowest frequencies are above their median.

    The discrete cosine transform of the picture shrunk to 32 x 32 grey levels, without the first row and column (Zauner 2010,
    "Implementation and benchmarking of perceptual image hash functions", section 3.2.1). Resizing, recompression and small
    changes of brightness flip few bits; a mirrored or cropped picture has another hash.

    Args:
        pixels: (h, w, 3) uint8 sRGB.
    """
    import cv2

    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    low = np.asarray(cv2.dct(grey))[1:9, 1:9]
    low = np.where(np.abs(low) < 1e-2, 0, low)  # rounding of a picture of one colour
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def bits_apart(one: NDArray[np.uint64], other: NDArray[np.uint64] | np.uint64) -> NDArray[np.int64]:
    """Return how many bits differ, elementwise."""
    differing = np.ascontiguousarray(np.bitwise_xor(one, other), np.uint64)
    return np.asarray(_ONES[differing.view(np.uint16).reshape(*differing.shape, 4)].sum(axis=-1), np.int64)


class Gate:
    """Lets the pictures of a shard pass in their order, whichever thread brings them, unless they look like an earlier one.

    Args:
        most_bits: pictures whose hashes differ by at most so many bits look alike.
        stopped: whether the work has ended; threads that wait give up then.
    """

    def __init__(self, most_bits: int, stopped: Callable[[], bool] = lambda: False) -> None:
        self._most_bits = most_bits
        self._stopped = stopped
        self._turn = 0
        self._passed = np.zeros(0, np.uint64)
        self._rows: list[int] = []
        self._changed = Condition()

    def admit(self, row: int, hashed: int | None) -> int | None:
        """Wait for the pictures before; return None if this one passes, else the row of the one that it looks like.

        Every row from 0 on must come exactly once, those that could not be read with a hash of None.
        """
        with self._changed:
            while self._turn < row:
                if self._stopped():
                    raise LeadlineError("stopped")
                self._changed.wait(0.2)
            try:
                if hashed is None:
                    return None
                apart = bits_apart(self._passed, np.uint64(hashed))
                if apart.size and int(apart.min()) <= self._most_bits:
                    return self._rows[int(apart.argmin())]
                self._passed = np.append(self._passed, np.uint64(hashed))
                self._rows.append(row)
                return None
            finally:
                self._turn = row + 1
                self._changed.notify_all()
