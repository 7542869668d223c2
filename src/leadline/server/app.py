"""The server's application: routes, limits and pages around given predictors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from leadline.predictor import Predictor
from leadline.runtime.predictor import load_predictor
from leadline.runtime.segmenter import Segmenter
from leadline.server.errors import add_error_replies
from leadline.server.facts import facts_router
from leadline.server.gate import Gate
from leadline.server.jobs import jobs_router
from leadline.server.limits import Limits
from leadline.server.metrics import Metrics
from leadline.server.models import Matchers, Models, load_matchers, shipped_segmenter
from leadline.server.openapi import ABOUT
from leadline.server.page import add_page
from leadline.server.queue import InferenceQueue
from leadline.server.routes import PictureRoutes
from leadline.server.settings import Settings


def make_app(
    settings: Settings,
    predictors: Mapping[str, Predictor] | None = None,
    *,
    matchers: Matchers | None = None,
    segmenter: Segmenter | None = None,
) -> FastAPI:
    """Return the application; `leadline.server.serve` runs it.

    Args:
        settings: see there.
        predictors: of pictures, the first being the default; by default those that `settings.models` names.
        matchers: of pairs, see `leadline.server.models.Models`; by default what `settings.matcher` names.
        segmenter: of glass, mirrors and sky; by default the one that ships with leadline, if its weights are here.

    Raises:
        LeadlineError: a network can't be loaded.
    """
    from leadline import __version__

    if predictors is None:
        loaded = [load_predictor(name, throughput=True) for name in settings.models]
        predictors = {predictor.card.name: predictor for predictor in loaded}
    matchers = load_matchers(settings.matcher) if matchers is None else matchers
    models = Models(predictors, matchers, segmenter or shipped_segmenter())
    queue, metrics = InferenceQueue(models.streams, settings.queue), Metrics()
    limits = Limits(settings, queue, metrics)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(queue.close, settings.max_seconds)

    app = FastAPI(
        title="leadline", version=__version__, description=ABOUT, docs_url=None, redoc_url=None, lifespan=life,
        openapi_url="/openapi.json",
    )  # fmt: skip
    app.state.queue, app.state.metrics = queue, metrics
    add_error_replies(app)
    app.include_router(PictureRoutes(limits, queue, models, metrics).router())
    app.include_router(facts_router(settings, queue, models, metrics))
    app.include_router(jobs_router(settings, queue, models.predictors))
    add_page(app)
    app.add_middleware(Gate, settings=settings, queue=queue, metrics=metrics)
    return app
