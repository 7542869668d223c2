"""What commands say while they work: on stderr, so that stdout stays free for results and --json."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Print one line for people."""
    print(message, file=sys.stderr, flush=True)
