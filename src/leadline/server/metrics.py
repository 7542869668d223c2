"""Numbers for Prometheus, in its text format (version 0.0.4)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter

from leadline.server.queue import InferenceQueue

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Seconds, counted into `BUCKETS`."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one measurement."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, labels: str) -> list[str]:
        """Return the histogram's lines."""
        below, found = 0, []
        for edge, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            below += count
            found.append(f'{name}_bucket{{{labels},le="{edge}"}} {below}')
        return [*found, f"{name}_sum{{{labels}}} {self.total:.6f}", f"{name}_count{{{labels}}} {below}"]


class Metrics:
    """What the server counts. Calls from several threads are allowed.

    Attributes:
        in_flight: requests that have begun and are not answered in full.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._requests: Counter[tuple[str, int]] = Counter()
        self._abandoned: Counter[str] = Counter()
        self._seconds: dict[tuple[str, str], Histogram] = {}
        self._lock = threading.Lock()

    def add_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        with self._lock:
            self._requests[route, status] += 1
            self._seconds.setdefault(("request", route), Histogram()).add(seconds)

    def add_stage(self, stage: str, seconds: float) -> None:
        """Count what a stage of a request took."""
        with self._lock:
            self._seconds.setdefault(("stage", stage), Histogram()).add(seconds)

    def add_abandoned(self, reason: str) -> None:
        """Count a request whose result nobody waits for any more."""
        with self._lock:
            self._abandoned[reason] += 1

    def text(self, queue: InferenceQueue) -> str:
        """Return all of it as Prometheus reads it."""
        with self._lock:
            lines = ["# HELP leadline_requests_total Answered requests.", "# TYPE leadline_requests_total counter"]
            for (route, status), count in sorted(self._requests.items()):
                lines.append(f'leadline_requests_total{{route="{route}",status="{status}"}} {count}')
            for sort in ("request", "stage"):
                name, label = f"leadline_{sort}_seconds", "route" if sort == "request" else "stage"
                lines += [f"# HELP {name} Wall time of each {sort}.", f"# TYPE {name} histogram"]
                for (of, value), histogram in sorted(self._seconds.items()):
                    if of == sort:
                        lines += histogram.lines(name, f'{label}="{value}"')
            lines += ["# HELP leadline_abandoned_total Requests whose result nobody waited for.",
                      "# TYPE leadline_abandoned_total counter"]  # fmt: skip
            lines += [f'leadline_abandoned_total{{reason="{why}"}} {n}' for why, n in sorted(self._abandoned.items())]
        for gauge, about, number in (
            ("leadline_requests_in_flight", "Requests that are not answered in full.", self.in_flight),
            ("leadline_queue_length", "Pieces of work that wait for a worker.", queue.waiting),
            ("leadline_workers_busy", "Workers that have work in hand.", queue.busy),
        ):
            lines += [f"# HELP {gauge} {about}", f"# TYPE {gauge} gauge", f"{gauge} {number}"]
        return "\n".join(lines) + "\n"
