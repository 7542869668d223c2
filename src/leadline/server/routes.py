"""The addresses for pictures: they read the body, check it, and queue the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from leadline.server import openapi
from leadline.server.depth import Stopwatch, Upload, answer_depth, check_view
from leadline.server.errors import Refusal, queue_full
from leadline.server.form import Part, parse_form
from leadline.server.limits import Limits
from leadline.server.mask import answer_mask
from leadline.server.metrics import Metrics
from leadline.server.models import Models
from leadline.server.options import DepthOptions, MaskOptions, StereoOptions, parse_options
from leadline.server.pictures import check_type
from leadline.server.queue import InferenceQueue, QueueFull
from leadline.server.replies import Answer, map_reply
from leadline.server.stereo import answer_stereo, check_rig

Chosen = TypeVar("Chosen", bound=BaseModel)
Result = TypeVar("Result")


class PictureRoutes:
    """The three addresses that take pictures, and what they share."""

    def __init__(self, limits: Limits, queue: InferenceQueue, models: Models, metrics: Metrics) -> None:
        self._limits, self._queue, self._models, self._metrics = limits, queue, models, metrics
        self._max_pixels = limits.settings.max_pixels

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/v1", tags=["pictures"])
        for function, summary, replies, asks in (
            (self.depth, "The map of a picture", openapi.depth_replies(), openapi.depth_request()),
            (self.stereo, "Disparity or depth of a rectified pair", openapi.depth_replies(), openapi.stereo_request()),
            (self.mask, "Where a picture shows glass, mirrors and sky", openapi.mask_replies(), openapi.mask_request()),
        ):
            name = function.__name__
            router.add_api_route(
                f"/{name}", function, methods=["POST"], operation_id=name, summary=summary, response_class=Response,
                responses=replies, openapi_extra=asks,
            )  # fmt: skip
        return router

    async def depth(self, request: Request) -> Response:
        """Predict the map of a picture.

        The body is the picture itself, or a form with the file `image`, perhaps the file `mask`, and the options as fields.
        """

        def check(options: DepthOptions) -> None:
            check_view(options)
            self._models.predictor(options.model)

        def work(files: dict[str, Upload], options: DepthOptions, watch: Stopwatch) -> Answer:
            args = self._models, self._queue, watch, self._max_pixels
            return answer_depth(files["image"], files.get("mask"), options, *args)

        answer = await self._answer(request, DepthOptions, ("image", "mask"), ("image",), check, work)
        return map_reply(answer)

    async def stereo(self, request: Request) -> Response:
        """Match a rectified pair: a form with the files `left` and `right`, and the options as fields."""

        def check(options: StereoOptions) -> None:
            check_rig(options)
            if options.model is not None and options.model not in self._models.matchers:
                self._models.matcher(options.model, fill=False)

        def work(files: dict[str, Upload], options: StereoOptions, watch: Stopwatch) -> Answer:
            args = self._models, self._queue, watch, self._max_pixels
            return answer_stereo(files["left"], files["right"], options, *args)

        answer = await self._answer(request, StereoOptions, ("left", "right"), ("left", "right"), check, work)
        return map_reply(answer)

    async def mask(self, request: Request) -> Response:
        """Say of each pixel whether it is opaque, transparent, a mirror or sky."""

        def work(files: dict[str, Upload], _: MaskOptions, watch: Stopwatch) -> Response:
            return answer_mask(files["image"], self._models, self._queue, watch, self._max_pixels)

        return await self._answer(request, MaskOptions, ("image",), ("image",), lambda _: None, work)

    async def _answer(
        self,
        request: Request,
        sort: type[Chosen],
        names: tuple[str, ...],
        needed: tuple[str, ...],
        check: Callable[[Chosen], None],
        work: Callable[[dict[str, Upload], Chosen, Stopwatch], Result],
    ) -> Result:
        """Check what can be checked before the body is read, read it, and let a worker do the rest."""
        patience = self._limits.patience()
        query = request.query_params.multi_items()
        content_type = request.headers.get("content-type", "")
        is_form = content_type.partition(";")[0].strip().lower() == "multipart/form-data"
        if not is_form:
            if len(needed) > 1:
                raise Refusal(
                    415, "type", f"content type {content_type[:60]!r}: expected multipart/form-data with {' and '.join(needed)}"
                )
            check(parse_options(sort, query))
        if self._queue.waiting >= self._queue.limit:
            raise queue_full(QueueFull(self._queue.seconds_to_wait()))
        with self._limits.room() as hold:
            body = await self._limits.read_body(request, patience, hold)
            if is_form:
                # Half a second for the largest body, which the event loop has not got.
                form = await asyncio.to_thread(parse_form, content_type, body, names, tuple(sort.model_fields))
                options = parse_options(sort, query, form.options)
                check(options)
                files = {name: _upload(part) for name, part in form.files.items()}
            else:
                options = parse_options(sort, query)
                files = {needed[0]: Upload(body, check_type(body, content_type))}
            del body
            if missing := [name for name in needed if name not in files]:
                raise Refusal(400, "bad_form", f"no file {missing[0]!r} in the form: expected {' and '.join(needed)}")
            watch = Stopwatch(patience)
            result = await self._limits.work(request, patience, lambda: work(files, options, watch))
        for stage, seconds in watch.seconds.items():
            self._metrics.add_stage(stage, seconds)
        return result


def _upload(part: Part) -> Upload:
    if not part.is_file:
        raise Refusal(
            400, "bad_form", f"field {part.name!r} is no file: expected one with a filename (curl -F {part.name}=@FILE)"
        )
    data = bytes(part.data)
    part.data.clear()
    return Upload(data, check_type(data, part.content_type, part=True))
