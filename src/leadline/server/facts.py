"""What the server says of itself: models, limits, health, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from leadline.io.preview import COLORMAPS
from leadline.server.errors import refusal_reply, shutting_down
from leadline.server.metrics import CONTENT_TYPE, Metrics
from leadline.server.models import Models
from leadline.server.openapi import json_responses
from leadline.server.queue import InferenceQueue
from leadline.server.settings import Settings


def facts_router(settings: Settings, queue: InferenceQueue, models: Models, metrics: Metrics) -> APIRouter:
    """Return the routes."""
    from leadline import __version__

    router = APIRouter(tags=["facts"])
    rows = models.rows()
    about: dict[str, Any] = {
        "version": __version__,
        "model": models.default,
        "tom_auto": models.segmenter is not None,
        "stereo": bool(models.matchers),
        "limits": {
            "bytes": settings.max_bytes,
            "pixels": settings.max_pixels,
            "seconds": settings.max_seconds,
            "queue": settings.queue,
        },
        "colormaps": list(COLORMAPS),
        "token_required": settings.token is not None,
    }

    @router.get("/v1/models", operation_id="models", summary="The networks at hand",
                responses=json_responses("the networks", {"models": rows[:1]}, 401, 403))  # fmt: skip
    async def list_models() -> JSONResponse:
        return JSONResponse({"models": rows})

    @router.get("/v1/about", operation_id="about", summary="Version, limits, what can be asked",
                responses=json_responses("what the server can do", about, 403))  # fmt: skip
    async def say_about() -> JSONResponse:
        return JSONResponse(about)

    @router.get("/healthz", operation_id="health", summary="Whether the process answers",
                responses=json_responses("it does", {"status": "ok"}, 403))  # fmt: skip
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz", operation_id="ready", summary="Whether requests are taken",
                responses=json_responses("they are", {"status": "ready"}, 403, 503))  # fmt: skip
    async def ready() -> Response:
        return refusal_reply(shutting_down()) if queue.closing else JSONResponse({"status": "ready"})

    @router.get("/metrics", operation_id="metrics", summary="Numbers for Prometheus", response_class=PlainTextResponse,
                responses={403: json_responses("", None, 403)[403]})  # fmt: skip
    async def numbers() -> Response:
        return Response(metrics.text(queue), media_type=CONTENT_TYPE)

    return router
