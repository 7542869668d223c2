"""Loops over pixels that numba compiles where it is installed (the `eval` extra); NumPy does the same without it.

A sum that takes ten NumPy operations reads and writes memory ten times, a compiled loop once. Compiling takes about a second at
first; numba then keeps the result on disk. Nothing is imported before an image is large enough to gain from it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

SMALLEST = 8_192  # pixels; NumPy does fewer in less time than a call is worth
READ = "Array(f8, 1, 'C', readonly=True)"  # an (n,) array of float64, in numba's notation

# Additions may change their order, so that the processor can do several at once. NaN and infinity stay what they are.
_FREEDOM = {"reassoc", "contract", "nsz"}


@cache
def compiled(loop: Callable[..., Any], *signatures: str) -> Callable[..., Any] | None:
    """Return a loop in machine code, compiled once a process; None where numba is missing or can't.

    Args:
        loop: a function at the top level of its file, of numbers and arrays alone; the same in plain Python, but slow.
        signatures: numba's notation of the types it will be called with.
    """
    try:
        import numba

        def compile_it(keep: bool) -> Callable[..., Any]:
            make = numba.njit(list(signatures), cache=keep, fastmath=_FREEDOM, error_model="numpy")
            return cast(Callable[..., Any], make(loop))

        try:
            return compile_it(keep=True)
        except RuntimeError:  # no folder that it may keep the result in
            return compile_it(keep=False)
    except Exception:  # too new or too old a numba must not stop an evaluation that can do without
        return None
