"""Reading the pixels that count, once, before anything is computed on them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.compiled import SMALLEST, compiled

Numbers = NDArray[np.float64]

_SPARSE = 0.25  # from this share of valid pixels on, finding them one by one is slower than looking at all
_FLOATS = {np.dtype(np.float32): "f4", np.dtype(np.float64): "f8"}

# A power of two times a de Bruijn number has its exponent's place in this table in the highest six bits.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_EXPONENTS = np.zeros(64, dtype=np.uint64)
_EXPONENTS[[((1 << exponent) * int(_DE_BRUIJN) % 2**64) >> 58 for exponent in range(64)]] = np.arange(64)
_ONE, _EIGHT, _TO_TABLE, _TOP_BYTE = np.uint64(1), np.uint64(8), np.uint64(58), np.uint64(56)
# Eight bools, read as one number, times this have their bits side by side in the highest byte.
_PACK = np.uint64(0x0102040810204080)
# To count the bits of a number: in pairs, in fours, in bytes (Warren, Hacker's Delight, 2nd ed., section 5-1).
_PAIRS, _FOURS, _BYTES, _SUM = (
    np.uint64(n) for n in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 2**64 // 255)
)
_AT_ONCE = 5  # valid pixels of 64 that are written without asking whether there are so many


def flat_index(mask: NDArray[Any]) -> NDArray[np.int64]:
    """Return the flat positions of the true pixels, as `numpy.flatnonzero` does, in a quarter of the time where few are true.

    Args:
        mask: bool array of any shape.

    Returns:
        (n,) int64, rising; not to be written to.
    """
    flat = np.ascontiguousarray(mask, dtype=bool).reshape(-1)
    count = np.count_nonzero(flat)
    if count == flat.size:
        return _every(count)
    if count > _SPARSE * flat.size:
        return np.flatnonzero(flat)
    if flat.size >= SMALLEST and (loop := compiled(_index, "void(Array(u8, 1, 'C', readonly=True), i8[::1])")):
        index = np.empty(count + _AT_ONCE, dtype=np.int64)
        whole = flat.size - flat.size % 64
        loop(np.require(flat[:whole].view(np.uint64), requirements="A"), index)
        rest = np.flatnonzero(flat[whole:])
        index[count - rest.size : count] = rest + whole
        return index[:count]
    whole = flat.size - flat.size % 8
    eights = flat[:whole].view(np.uint64)  # to look at eight pixels at a time
    words = np.flatnonzero(eights != 0)
    if words.size * 8 > flat.size / 2:
        return np.flatnonzero(flat)
    found = np.flatnonzero(eights.take(words).view(bool))
    index = (words.take(found >> 3) << 3) + (found & 7)
    rest = np.flatnonzero(flat[whole:])
    return np.concatenate((index, rest + whole)) if rest.size else index


@lru_cache(maxsize=4)
def _every(count: int) -> NDArray[np.int64]:
    """Return 0 to count - 1, the same array for all maps of a size."""
    index = np.arange(count)
    index.setflags(write=False)
    return index


def taken(values: NDArray[Any], index: NDArray[np.int64]) -> Numbers:
    """Return the (n,) float64 numbers of a map at flat positions, in memory of their own.

    Args:
        values: array of any shape.
        index: (n,) rising, as from `flat_index`.
    """
    flat = values.reshape(-1)
    if index.size == flat.size:
        return flat.astype(np.float64)
    # A compiled loop would not see an index outside.
    if index.size >= SMALLEST and flat.dtype in _FLOATS and flat.flags.c_contiguous and 0 <= index[0] <= index[-1] < flat.size:
        loop = compiled(_taken, f"void({_read(flat)}, Array(i8, 1, 'C', readonly=True), f8[::1])")
        if loop is not None:
            found = np.empty(index.size)
            loop(flat, np.ascontiguousarray(index), found)
            return found
    return flat.take(index).astype(np.float64)


def pick(pred: NDArray[Any], target: NDArray[Any], valid: NDArray[Any] | None) -> tuple[Numbers, Numbers]:
    """Return the (n,) float64 valid pixels of two maps, in rising order; perhaps views of the maps, not to be written to.

    Args:
        pred, target: arrays of one shape.
        valid: bool array of that shape; None means all.
    """
    p, t = pred.reshape(-1), target.reshape(-1)
    mask = None if valid is None else np.ascontiguousarray(valid, dtype=bool).reshape(-1)
    if mask is None or mask.all():
        return p.astype(np.float64, copy=False), t.astype(np.float64, copy=False)
    index = flat_index(mask)  # once: three times as fast as a mask each time
    return taken(p, index), taken(t, index)


def _read(values: NDArray[Any]) -> str:
    return f"Array({_FLOATS[values.dtype]}, 1, 'C', readonly=True)"


# The loops that are compiled.


def _index(eights: NDArray[np.uint64], index: NDArray[np.int64]) -> None:
    """Write the positions of the true pixels, and up to `_AT_ONCE` numbers behind them.

    A processor that guesses wrongly how many of 64 pixels are true loses more time than it takes to write a few in vain.

    Args:
        eights: the mask, eight pixels in each number, (8 k,).
        index: where to, with room for `_AT_ONCE` more than there are.
    """
    place = np.uint64(0)
    for word in range(eights.size // 8):
        first = np.uint64(word) * _EIGHT
        bits = np.uint64(0)
        for i in range(8):
            bits |= ((eights[first + np.uint64(i)] * _PACK) >> _TOP_BYTE) << np.uint64(8 * i)
        count = bits - ((bits >> np.uint64(1)) & _PAIRS)
        count = (count & _FOURS) + ((count >> np.uint64(2)) & _FOURS)
        count = (((count + (count >> np.uint64(4))) & _BYTES) * _SUM) >> _TOP_BYTE
        start = first * _EIGHT
        for k in range(_AT_ONCE):
            lowest = bits & (~bits + _ONE)
            index[place + np.uint64(k)] = start + _EXPONENTS[(lowest * _DE_BRUIJN) >> _TO_TABLE]
            bits ^= lowest
        more = place + np.uint64(_AT_ONCE)
        while bits:
            lowest = bits & (~bits + _ONE)
            index[more] = start + _EXPONENTS[(lowest * _DE_BRUIJN) >> _TO_TABLE]
            more += _ONE
            bits ^= lowest
        place += count


def _taken(values: Numbers, index: NDArray[np.int64], found: Numbers) -> None:
    """Do what `taken` does, compiled."""
    for i in range(index.size):
        found[i] = values[np.uint64(index[i])]
