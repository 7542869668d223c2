"""Pillow's own limit on picture sizes, lifted while leadline reads: it warns at 89 megapixels, which cameras exceed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_readers = 0
_before: int | None = None


@contextmanager
def lifted_pillow_limit() -> Iterator[None]:
    """Lift ``PIL.Image.MAX_IMAGE_PIXELS`` in the block; the caller checks sizes before it decodes.

    The limit is a global of the process. The first of several threads lifts it and the last puts it back, so that none of
    them restores what another had set.
    """
    global _readers, _before
    from PIL import Image

    with _lock:
        if _readers == 0:
            _before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                Image.MAX_IMAGE_PIXELS = _before
