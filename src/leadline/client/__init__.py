"""Programs that ask a leadline server: a predictor at an address. The standard library alone.   <- io, nouns."""

from __future__ import annotations

from leadline.client.client import DepthClient
from leadline.client.job import Job, JobRecord
from leadline.client.models import ServerModel

__all__ = ["DepthClient", "Job", "JobRecord", "ServerModel"]
