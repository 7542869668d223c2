"""Stop between two steps when asked to, not within one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and what clusters send before they take a machine away


class StopRequest:
    """Whether somebody has asked the run to stop; `aloud` says on stderr that it was heard."""

    def __init__(self, aloud: bool) -> None:
        self.asked, self._aloud = False, aloud

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note the wish; raise KeyboardInterrupt at the second one."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._aloud:
            os.write(2, b"stopping after this step; once more stops at once\n")


@contextmanager
def stop_requests(aloud: bool = False) -> Iterator[StopRequest]:
    """Yield what notes Ctrl-C and SIGTERM instead of dying of them; outside the main thread, which gets no signals, nothing."""
    request = StopRequest(aloud)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
