"""Keep freed memory in the process: page faults cost more than many networks compute."""

from __future__ import annotations

import ctypes
import sys

# Numbers of <malloc.h>.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
TOP_PAD_BYTES = 64 << 20


def keep_freed_memory() -> bool:
    """Tell glibc to serve large blocks from its heap and never to give them back; return whether that was possible.

    A network allocates and frees the same large blocks at every step, and by default each one is mapped afresh, page fault by
    page fault: a training step takes 6 % less processor time without on one kernel, half on another. The setting is
    process-wide, so it belongs in the entry of a command, before anything large is allocated, never in a library's import.
    Linux with glibc only; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, TOP_PAD_BYTES))
    done = [mallopt(name, value) for name, value in settings]  # a list: one refusal must not keep the others from being asked
    return all(done)
