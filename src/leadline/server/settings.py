"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

from leadline.errors import LeadlineError
from leadline.runtime.predictor import DEFAULT_MODEL
from leadline.runtime.stereo import SEMI_GLOBAL

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """How a server runs and how much it takes.

    Attributes:
        host: the address to listen on; anything but this machine's own wants a token.
        port: the port to listen on.
        models: names or ONNX files of networks for pictures; the first is the default.
        matcher: "sgm" or the ONNX file of a stereo network, for pairs.
        token: what requests to /v1 must carry as ``Authorization: Bearer TOKEN``; None for no such check.
        max_bytes: the largest body of a request for pictures.
        max_pixels: the largest picture, by its header.
        max_seconds: how long a request may take, from its headers to its result.
        queue: how many requests may wait for the network.
        job_dir: where the folder of the jobs' files is made when the first job comes.
        job_ttl_s: how long a finished job's files are kept.
        max_jobs: how many jobs may wait or be uploaded at once.
        max_job_bytes: the largest file of a job.

    Raises:
        LeadlineError: a limit that is not positive, a token that no header can carry, or no model.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    models: tuple[str, ...] = (DEFAULT_MODEL,)
    matcher: str = SEMI_GLOBAL
    token: str | None = field(default=None, repr=False)
    max_bytes: int = 64_000_000
    max_pixels: int = 64_000_000
    max_seconds: float = 60.0
    queue: int = 64
    job_dir: Path = field(default_factory=lambda: Path(gettempdir()))
    job_ttl_s: float = 3600.0
    max_jobs: int = 16
    max_job_bytes: int = 2_000_000_000

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_seconds", "queue", "job_ttl_s", "max_jobs", "max_job_bytes"):
            if not getattr(self, name) > 0:
                raise LeadlineError(f"{name} {getattr(self, name)}: expected a positive number")
        if not 0 <= self.port <= 65535:
            raise LeadlineError(f"port {self.port}: expected 1 to 65535, or 0 for any free one")
        if not self.models:
            raise LeadlineError("no model: expected at least one name or ONNX file")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token.strip()):
            raise LeadlineError("a token of other than printable ASCII characters: give one that a header can carry")

    @property
    def is_local(self) -> bool:
        """Whether this machine alone can reach the server."""
        return self.host in LOOPBACK
