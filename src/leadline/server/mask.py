"""POST /v1/mask: where a picture shows glass, mirrors and sky."""

from __future__ import annotations

from fastapi.responses import Response

from leadline.server.depth import Stopwatch, Upload
from leadline.server.errors import Refusal
from leadline.server.models import Models
from leadline.server.pictures import decode_picture
from leadline.server.queue import InferenceQueue
from leadline.server.replies import BytesReply, as_json, ascii_text, size_text


def answer_mask(upload: Upload, models: Models, queue: InferenceQueue, watch: Stopwatch, max_pixels: int) -> Response:
    """Return a grey 8-bit PNG: 0 opaque, 1 transparent, 2 mirror, 3 sky; runs in a worker.

    Raises:
        Refusal: 404 without a segmenter, 413 or 422 for the picture.
    """
    from leadline import __version__
    from leadline.io.png import encode_png

    segmenter = models.segmenter
    if segmenter is None:
        raise Refusal(404, "no_segmenter", "no segmenter of glass and mirrors is installed here: mark them by hand")
    with watch.stage("decode"):
        photo = decode_picture(upload.data, upload.content_type, max_pixels)
    with queue.network(), watch.stage("predict"):
        classes = segmenter(photo.pixels)
    with watch.stage("encode"):
        body = encode_png(classes, {"source": segmenter.card.name, "classes": ", ".join(segmenter.card.classes)})
    headers = {
        "Leadline-Model": ascii_text(segmenter.card.name),
        "Leadline-Version": __version__,
        "Leadline-Size": size_text(photo.hw_full),
        "Leadline-Seconds": as_json({stage: round(seconds, 4) for stage, seconds in watch.seconds.items()}),
        "Cache-Control": "no-store",
    }
    return BytesReply(body, headers=headers, media_type="image/png")
