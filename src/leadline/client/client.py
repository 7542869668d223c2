"""A leadline server as a Predictor."""

from __future__ import annotations

import os
import threading
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from leadline.camera import SMALLEST_FOCAL_SHARE, Camera
from leadline.client.form import make_form
from leadline.client.job import Job, JobRecord
from leadline.client.models import ServerModel
from leadline.client.reply import prediction_from
from leadline.client.transport import Transport
from leadline.errors import LeadlineError
from leadline.io.image import read_image
from leadline.io.png import encode_png
from leadline.predictor import ModelCard, Prediction

TOKEN_VARIABLE = "LEADLINE_TOKEN"
# First bytes of the pictures that a server decodes itself; others are decoded here.
_TYPES = (
    (0, b"\xff\xd8\xff", "image/jpeg"), (0, b"\x89PNG\r\n\x1a\n", "image/png"), (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"), (0, b"MM\0*", "image/tiff"), (0, b"BM", "image/bmp"),
)  # fmt: skip


class DepthClient:
    """Predictions by a server that `leadline serve` started.

    May be called from several threads. Pictures are sent without loss and maps come back as float32, so that the numbers are
    those of the server's network to the last bit. A server that is busy is waited for as it asks.

    Attributes:
        url: of the server.
        streams: how many calls at once keep a server busy.

    Args:
        url: for instance ``"http://127.0.0.1:8765"``.
        token: the one that the server wants, if it does.
        model: name of one of its networks; None for its default.
        timeout_s: how long to wait for the server at each step.
        retries: how often to try again when it is busy.

    Raises:
        LeadlineError: `url` is no address. Whether a server is there shows when it is first asked.

    Example:
        >>> client = DepthClient("http://127.0.0.1:8765")
        >>> prediction = client.predict_file("photo.jpg")  # doctest: +SKIP
        >>> prediction.depth.kind  # doctest: +SKIP
    """

    streams = 4

    def __init__(
        self, url: str, token: str | None = None, model: str | None = None, timeout_s: float = 60.0, retries: int = 8
    ) -> None:
        self._transport = Transport(url, token, timeout_s, retries)
        self._model = model
        self._card: ModelCard | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_address(cls, address: str) -> DepthClient:
        """Return the client of an address as users give it for a model: ``http://HOST:PORT`` or ``http://HOST:PORT#MODEL``.

        The token is that of the environment variable LEADLINE_TOKEN, if there is one.
        """
        url, _, model = address.partition("#")
        return cls(url, os.environ.get(TOKEN_VARIABLE) or None, model or None)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def card(self) -> ModelCard:
        """Who answers and what its maps mean, as the server tells it; asked once.

        Raises:
            LeadlineError: no leadline server there, or no such network.
        """
        with self._lock:
            if self._card is None:
                self._card = self._find().card()
            return self._card

    def models(self) -> list[ServerModel]:
        """Return the server's networks."""
        answer = self._transport.ask("GET", "/v1/models").json()
        if not isinstance(answer, dict) or not isinstance(answer.get("models"), list):
            raise LeadlineError(f"{self.url} does not list its models: is this a leadline server?")
        return [ServerModel.from_json(row) for row in answer["models"]]

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Predict the (h, w) map of an (h, w, 3) uint8 sRGB picture.

        Args:
            image: the picture.
            camera: its camera, which goes into the map; the server is told the focal length.

        Raises:
            LeadlineError: no such picture, or the server can't be reached or refuses.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise LeadlineError(f"a picture of {image.dtype} {image.shape}: expected (height, width, 3) of uint8")
        return self._predict(encode_png(image), "image/png", camera, {"focal_px": _focal_px(camera)})

    def predict_file(self, path: str | PathLike[str], **options: str | float | bool | None) -> Prediction:
        """Predict the map of a picture file, which is sent as it is.

        Args:
            path: JPEG, PNG, WebP, TIFF or BMP; anything else that `leadline.read_image` reads is decoded here.
            options: those of POST /v1/depth: ``focal_px``, ``fov_deg``, ``longest``, ``tom``, ``known`` (JSON), ...

        Raises:
            LeadlineError: no such file, or the server can't be reached or refuses.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LeadlineError(f"can't read {str(path)!r} ({error.strerror}): expected a picture") from None
        for at, mark, sort in _TYPES:
            if data[at : at + len(mark)] == mark:
                return self._predict(data, sort, None, options)
        photo = read_image(path)
        if photo.camera is not None and not {"focal_px", "fov_deg"} & options.keys():
            options["focal_px"] = photo.camera.fx
        return self._predict(encode_png(photo.pixels), "image/png", None, options)

    def stereo(
        self,
        left: NDArray[np.uint8],
        right: NDArray[np.uint8],
        camera: Camera | None = None,
        baseline_m: float | None = None,
        *,
        offset_px: float = 0.0,
        fill: bool = False,
        model: str | None = None,
    ) -> Prediction:
        """Match two rectified (h, w, 3) uint8 pictures.

        Args:
            left, right: the pictures.
            camera: of the left one.
            baseline_m: distance of the cameras in metres; with it and the camera the map is metric depth, else pixel_disparity.
            offset_px: how far right of the left principal point the right one is.
            fill: fill holes from the background (sgm alone).
            model: name of a matcher; None for the server's default.

        Raises:
            LeadlineError: no pair, a baseline without a camera, or the server can't be reached or refuses.
        """
        if baseline_m is not None and camera is None:
            raise LeadlineError(f"baseline {baseline_m:g} m without a camera: give the left picture's camera too")
        pictures = {name: (f"{name}.png", "image/png", encode_png(image)) for name, image in (("left", left), ("right", right))}
        body, sort = make_form(pictures)
        options = {
            "output": "float32", "focal_px": camera.fx if camera and baseline_m is not None else None, "baseline_m": baseline_m,
            "offset_px": offset_px or None, "fill": fill or None, "model": model,
        }  # fmt: skip
        return prediction_from(self._transport.ask("POST", "/v1/stereo", options, body, sort), camera)

    def submit(
        self,
        path: str | PathLike[str],
        output: str = "preview",
        *,
        colormap: str | None = None,
        side_by_side: bool = False,
    ) -> Job:
        """Send a video or a zip of pictures, and return the job.

        Args:
            path: the file; it is read while it is sent.
            output: "preview", "png16" or "npz"; of a video a preview is a video, everything else comes in a zip.
            colormap: of previews.
            side_by_side: previews show the picture beside its depth.

        Raises:
            LeadlineError: no such file, or the server can't be reached or refuses.
        """
        path = Path(path)
        body, sort = make_form({"file": (path.name, "application/octet-stream", path)})
        options = {"output": output, "colormap": colormap, "side_by_side": side_by_side or None, "model": self._model}
        record = JobRecord.from_json(self._transport.ask("POST", "/v1/jobs", options, body, sort, kept=False).json())
        return Job(self._transport, record.id)

    def job(self, id: str) -> Job:
        """Return a job that was sent before, by its id.

        Raises:
            LeadlineError: `id` is none.
        """
        if not id.isalnum():
            raise LeadlineError(f"job {id!r}: expected the id that the server gave")
        return Job(self._transport, id)

    def _predict(self, data: bytes, sort: str, camera: Camera | None, options: dict[str, Any]) -> Prediction:
        asked = {**options, "output": "float32", "model": self._model}
        return prediction_from(self._transport.ask("POST", "/v1/depth", asked, lambda: (data, len(data)), sort), camera)

    def _find(self) -> ServerModel:
        offered = [model for model in self.models() if model.task == "depth"]
        for model in offered:
            if model.default if self._model is None else self._model in (model.name, model.name.rpartition(".")[0]):
                return model
        names = ", ".join(model.name for model in offered) or "none"
        raise LeadlineError(f"{self.url} has no model {self._model or 'for pictures'!r}: expected one of {names}")


def _focal_px(camera: Camera | None) -> float | None:
    """Return the focal length that a server takes: it knows cameras with square pixels and a centred view alone."""
    if camera is None or camera.fx != camera.fy or camera.fx < SMALLEST_FOCAL_SHARE * max(camera.hw):
        return None
    return camera.fx
