"""/v1/jobs: a video or a zip of pictures goes in; its progress can be followed, it can be stopped, its result is fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from leadline.errors import LeadlineError
from leadline.predictor import Predictor
from leadline.server.errors import Refusal, shutting_down
from leadline.server.events import iter_events
from leadline.server.job_input import kind_of_file
from leadline.server.job_runner import JobRunner
from leadline.server.job_store import CANCELLED_BY_USER, Job, JobOptions, JobStore
from leadline.server.job_upload import FILE_FIELD, receive_form
from leadline.server.models import Models
from leadline.server.openapi import Problem
from leadline.server.options import Colormap, openapi_parameters, parse_options
from leadline.server.queue import InferenceQueue
from leadline.server.settings import Settings
from leadline.server.zip_input import safe_name

_RECORD: dict[str, Any] = {
    "id": "3f2b...", "state": "running", "kind": "video", "total": 240, "done": 57, "failed": 0, "seconds": 21.4,
    "expires_at": None, "message": None,
}  # fmt: skip


class JobQuery(BaseModel):
    """Of POST /v1/jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(None, max_length=200, description="a network's name from /v1/models; the default one if left out")
    output: Literal["preview", "png16", "npz"] = Field(
        "preview",
        description="preview: of a video one video, of pictures coloured PNGs; else one file a frame or picture, in a zip",
    )
    colormap: Colormap = Field("inferno", description="of output=preview")
    side_by_side: bool = Field(False, description="previews show the picture beside its depth")


class JobRecord(BaseModel):
    """A job as everybody sees it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECORD]})

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    kind: Literal["video", "zip"]
    total: int | None = Field(description="frames or pictures; null while that is not known")
    done: int = Field(description="how many of them came out well")
    failed: int = Field(description="how many did not")
    seconds: float | None = Field(description="since work on it began; null before")
    expires_at: float | None = Field(description="when it is removed, in seconds since 1970; null before it has ended")
    message: str | None = Field(description="what you should know, in sentences")


def jobs_router(settings: Settings, queue: InferenceQueue, predictors: Mapping[str, Predictor]) -> APIRouter:
    """Return the routes of jobs; their threads and files go when the application shuts down.

    Args:
        settings: limits, and where files are kept.
        queue: of the network; jobs' frames wait in it at low priority.
        predictors: of pictures; the first is the default.
    """
    models = Models(predictors, {}, None)
    store = JobStore(settings.job_dir, settings.job_ttl_s, settings.max_jobs)
    runner = JobRunner(store, settings, queue, models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(runner.close)

    router = APIRouter(prefix="/v1/jobs", tags=["jobs"], lifespan=lifespan)

    @router.post(
        "",
        status_code=202,
        operation_id="start_job",
        summary="Send a video or a zip of pictures",
        response_model=JobRecord,
        openapi_extra={"requestBody": _BODY, "parameters": openapi_parameters(JobQuery)},
        responses=_errors(400, 404, 413, 415, 429, 504),
    )
    async def start(request: Request) -> Response:
        size = _declared_size(request, settings.max_job_bytes)
        parse_options(JobQuery, request.query_params.multi_items())  # what is wrong with them is said before the upload
        if queue.closing:
            raise shutting_down()
        job = await asyncio.to_thread(store.new, size)
        try:
            await _receive(job, request, settings, models)
        except BaseException:  # the client's leaving included
            store.remove(job)
            raise
        runner.submit(job)
        return JSONResponse(job.record(), 202, {"Location": f"/v1/jobs/{job.id}", "Cache-Control": "no-store"})

    @router.get(
        "/{id}", operation_id="get_job", summary="Its state and progress", response_model=JobRecord, responses=_errors(404)
    )
    async def show(id: str) -> Response:
        return _record_reply(_found(store, id))

    @router.get(
        "/{id}/events",
        operation_id="watch_job",
        summary="Its progress as server-sent events",
        description="progress with each change, and one of done, failed, cancelled as the last; the data is the record.",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **_errors(404)},
    )
    async def events(id: str) -> Response:
        job = _found(store, id)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(iter_events(job), media_type="text/event-stream", headers=headers)

    @router.get(
        "/{id}/result",
        operation_id="get_job_result",
        summary="The finished video or zip",
        response_class=FileResponse,
        responses={
            200: {"content": {"video/mp4": {"schema": _BYTES}, "application/zip": {"schema": _BYTES}}},
            **_errors(404, 409),
        },
    )
    async def result(id: str) -> Response:
        job = _found(store, id)
        path = job.result
        if path is None or not path.is_file():
            state = f"{job.state}: {job.message}" if job.message else job.state
            raise Refusal(409, "not_done", f"the job is {state}; there is a result when its state is done")
        stem = PurePosixPath(job.name).stem or "depth"
        sort = "video/mp4" if path.suffix == ".mp4" else "application/zip"
        return FileResponse(path, media_type=sort, filename=f"{stem}.depth{path.suffix}", headers={"Cache-Control": "no-store"})

    @router.delete(
        "/{id}",
        operation_id="cancel_job",
        summary="Stop it and remove its files",
        description="A job that has ended is forgotten.",
        response_model=JobRecord,
        responses=_errors(404),
    )
    async def cancel(id: str) -> Response:
        job = _found(store, id)
        if not job.ended:
            await asyncio.to_thread(runner.cancel, job, CANCELLED_BY_USER)
            if job.state == "cancelled":  # and not done at the last moment
                return _record_reply(job)
        await asyncio.to_thread(store.remove, job)
        return _record_reply(job)

    return router


async def _receive(job: Job, request: Request, settings: Settings, models: Models) -> None:
    """Take the upload in, and find out what it is.

    Raises:
        Refusal: it is not what was expected, or an option is wrong.
    """
    name, fields = await receive_form(
        request.stream(), request.headers.get("content-type", ""), job.input, settings.max_job_bytes, settings.max_seconds
    )
    given = parse_options(JobQuery, request.query_params.multi_items(), fields)
    models.predictor(given.model)  # refuses an unknown one
    job.options = JobOptions(given.output, given.model or models.default, given.colormap, given.side_by_side)
    job.name = PurePosixPath(safe_name(name)).name
    try:
        job.kind = await asyncio.to_thread(kind_of_file, job.input)
    except LeadlineError as error:
        raise Refusal(415, "type", str(error)) from None


def _declared_size(request: Request, most: int) -> int:
    """Return the Content-Length, 0 if there is none.

    Raises:
        Refusal: 413, before a byte is read; 415: a body that is packed.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "packed", "a packed body (Content-Encoding): expected the form as it is")
    text = request.headers.get("content-length", "0")
    if not text.isdecimal() or int(text) > most:
        raise Refusal(413, "too_large", f"a body of {text[:20]} bytes: expected at most {most:,}; send it in parts")
    return int(text)


def _found(store: JobStore, id: str) -> Job:
    job = store.get(id)
    if job is None:
        raise Refusal(404, "no_job", f"no job {id[:40]!r}: it has expired, was removed or never was; send the file again")
    return job


def _record_reply(job: Job) -> Response:
    return JSONResponse(job.record(), headers={"Cache-Control": "no-store"})


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the declared refusals of an address: its own, and those of every one."""
    return {status: {"model": Problem, "description": _MEANING[status]} for status in sorted({*statuses, 401, 403, 503})}


_BYTES = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": {"type": "object", "required": [FILE_FIELD], "properties": {FILE_FIELD: _BYTES}}}
    },
}
_MEANING = {
    400: "wrong option, or no form",
    401: "no token, or a wrong one",
    403: "a request under a foreign name or from a foreign page",
    404: "no such job or model",
    409: "not done",
    413: "too large",
    415: "no video, no zip",
    429: "too many jobs wait; see Retry-After",
    503: "shutting down or disk full; see Retry-After",
    504: "the upload stalled",
}
