"""What a page must not do: write errors, fail requests, or ask another host."""

from __future__ import annotations

import re

_SOFTWARE_DRAWING = "GPU stall due to ReadPixels"  # Chromium's own reading of a WebGL canvas where there is no graphics card


class Watch:
    """Collects the sins of one browser tab. `allow` names those that a test brings about on purpose."""

    def __init__(self, page, url: str) -> None:
        self._problems: list[str] = []
        self._allowed: list[str] = []
        self._own = (f"{url}/", "blob:", "data:")
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._add(f"uncaught: {error}"))
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def allow(self, pattern: str) -> None:
        """Let pass what matches, from now on or before; a pattern that nothing matches is a problem itself."""
        self._allowed.append(pattern)

    def forget(self) -> None:
        """Begin anew."""
        self._problems, self._allowed = [], []

    @property
    def problems(self) -> list[str]:
        """All that was seen and not allowed, and all that was allowed and not seen."""
        left = [problem for problem in self._problems if not any(re.search(p, problem) for p in self._allowed)]
        idle = [p for p in self._allowed if not any(re.search(p, problem) for problem in self._problems)]
        return left + [f"allowed, but never seen: {pattern}" for pattern in idle]

    def _add(self, problem: str) -> None:
        self._problems.append(problem)

    def _heard(self, message) -> None:
        if message.type in ("error", "warning") and _SOFTWARE_DRAWING not in message.text:
            self._add(f"console {message.type}: {message.text}")

    def _asked(self, request) -> None:
        if not request.url.startswith(self._own):
            self._add(f"another host: {request.url}")

    def _failed(self, request) -> None:
        # Given up by the page or a reload, no failure; Chromium says it of event streams that were read to their end, too.
        if request.failure != "net::ERR_ABORTED":
            self._add(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response) -> None:
        if response.status >= 400:
            self._add(f"status {response.status}: {response.request.method} {response.url}")
