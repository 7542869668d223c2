"""Predictors whose answers a test can work out by hand, and a server around them."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from leadline.camera import Camera
from leadline.depth_map import DepthMap, Kind
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.segmenter import Segmenter
from leadline.runtime.segmenter_card import SegmenterCard
from leadline.server.app import make_app
from leadline.server.settings import Settings

LOCAL = "http://localhost"


class Brightness:
    """Says that a pixel's number is (red + 1) / 256: known, positive, and at the picture's own size."""

    streams = 1

    def __init__(self, kind: str = "disparity/affine_invariant", name: str = "brightness.v1") -> None:
        self.card = ModelCard(name, Kind.parse(kind))
        self.pictures: list[NDArray[np.uint8]] = []

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        self.pictures.append(image)
        return Prediction(DepthMap(values_of(image), None, self.card.kind, camera, self.card.name))


class Slow(Brightness):
    """Waits in each call, for a time or until it is let go."""

    def __init__(self, seconds: float = 0.0, streams: int = 1) -> None:
        super().__init__()
        self.streams, self.seconds = streams, seconds
        self.begun, self.let_go = threading.Semaphore(0), threading.Event()
        if seconds:
            self.let_go.set()

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        self.begun.release()
        assert self.let_go.wait(20)
        time.sleep(self.seconds)
        return super().__call__(image, camera)


class RedIsGlass:
    """Class 1 where red is above the middle."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        glass = (batch[:, 0] > 0).astype(np.float32)
        rest = np.zeros_like(glass)
        return np.stack([1 - glass, glass, rest, rest], axis=1)


RED_IS_GLASS = Segmenter(RedIsGlass(), SegmenterCard("red.v1", input_size=64))


def values_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (image[..., 0].astype(np.float32) + 1) / 256


def ramp(hw: tuple[int, int] = (24, 32)) -> NDArray[np.uint8]:
    """A picture that differs everywhere, and does not look the same when turned."""
    height, width = hw
    red = np.add.outer(np.arange(height) * 3, np.arange(width) * 5) % 256
    return np.stack([red, 255 - red, np.full(hw, 90)], axis=2).astype(np.uint8)


def png(pixels: NDArray[Any], **options: Any) -> bytes:
    return saved(pixels, "PNG", **options)


def saved(pixels: NDArray[Any], format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, **options)
    return stream.getvalue()


def served(
    predictor: Any = None, settings: Settings | None = None, segmenter: Segmenter | None = RED_IS_GLASS, **more: Any
) -> FastAPI:
    predictor = predictor or Brightness()
    return make_app(settings or Settings(), {predictor.card.name: predictor}, segmenter=segmenter, **more)


def client(*args: Any, **more: Any) -> TestClient:
    return TestClient(served(*args, **more), base_url=LOCAL)
