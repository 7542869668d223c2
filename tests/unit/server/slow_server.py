"""A real server in a process of its own, whose predictor takes so long: python -m tests.unit.server.slow_server SECONDS."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.unit.server.predictors import Slow, served

from leadline.server.serve import listen, run
from leadline.server.settings import Settings

if __name__ == "__main__":
    settings = Settings(port=0, max_seconds=20)
    listening = listen(settings)
    settings = replace(settings, port=listening.getsockname()[1])
    app = served(Slow(float(sys.argv[1])), settings)
    print(settings.port, flush=True)
    run(app, settings, listening)
