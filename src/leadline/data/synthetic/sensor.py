"""A small camera: linear radiance in, an 8-bit picture out. NumPy and OpenCV only; every draw comes from an explicit generator.

The order follows a real camera: lens shading, exposure, photon and read noise (both in linear light), white balance,
highlight roll-off, sharpening or blur, sRGB encoding (IEC 61966-2-1), and JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_KNEE = 0.7  # linear light above this value is rolled off


@dataclass(frozen=True)
class Sensor:
    """One camera's settings; draw one per scene with `draw_sensor`.

    Attributes:
        key: mean of the encoded picture that auto exposure aims at, 0..1.
        white_balance: gains of red, green and blue on top of automatic balance.
        balance: share of the scene's colour cast that automatic balance removes, 0..1.
        vignetting: light lost in the corner, 0..1.
        full_well: photons at white; shot noise has the variance signal / full_well.
        read_noise: standard deviation in linear light, 1 is white.
        sharpness: > 0 unsharp mask, < 0 Gaussian blur, in units of a one-pixel kernel.
        jpeg_quality: 1..100, or None for no compression.
    """

    key: float = 0.42
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    balance: float = 0.5
    vignetting: float = 0.0
    full_well: float = 8000.0
    read_noise: float = 0.001
    sharpness: float = 0.0
    jpeg_quality: int | None = None


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a plausible camera: mostly good, now and then dark and noisy or soft."""
    red, blue = np.exp(rng.normal(0, 0.05, 2))
    return Sensor(
        key=float(np.clip(rng.normal(0.43, 0.07), 0.22, 0.62)),
        white_balance=(float(red), 1.0, float(blue)),
        balance=float(rng.uniform(0.3, 0.9)),
        vignetting=float(max(0.0, rng.normal(0.08, 0.1))),
        full_well=float(np.exp(rng.uniform(np.log(800), np.log(20000)))),
        read_noise=float(np.exp(rng.uniform(np.log(3e-4), np.log(4e-3)))),
        sharpness=float(rng.normal(0.1, 0.25)),
        jpeg_quality=int(rng.integers(70, 98)) if rng.random() < 0.5 else None,
    )


def srgb_encode(linear: F32) -> F32:
    """Encode linear light in 0..1 as sRGB in 0..1."""
    x = np.clip(linear, 0, 1)
    return np.asarray(np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-8), 1 / 2.4) - 0.055), np.float32)


def roll_off(linear: F32) -> F32:
    """Compress highlights smoothly to below 1; values up to 0.7 stay as they are and the slope is continuous."""
    over = np.maximum(linear - _KNEE, 0)
    return np.asarray(np.where(linear > _KNEE, _KNEE + (1 - _KNEE) * (1 - np.exp(-over / (1 - _KNEE))), linear), np.float32)


def auto_exposure(radiance: F32, key: float) -> float:
    """Return the gain that brings the mean of the encoded (h, w, 3) picture to `key`.

    Raises:
        ValueError: the picture is black or not finite, so that no gain exists.
    """
    luma = np.ascontiguousarray(radiance[::3, ::3]) @ _LUMA
    if not np.isfinite(luma).all() or luma.mean() <= 1e-9:
        raise ValueError("no exposure fits: the picture is black or not finite")
    low, high = -20.0, 20.0
    for _ in range(24):
        middle = (low + high) / 2
        if srgb_encode(roll_off(luma / luma.mean() * np.float32(2.0**middle))).mean() < key:
            low = middle
        else:
            high = middle
    return float(2.0**low / luma.mean())


def develop(radiance: F32, sensor: Sensor, gain: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the (h, w, 3) 8-bit sRGB picture of (h, w, 3) linear `radiance`, exposed by `gain` (see `auto_exposure`)."""
    h, w = radiance.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32)
    corner = ((x + 0.5 - w / 2) ** 2 + (y + 0.5 - h / 2) ** 2) / ((w * w + h * h) / 4)
    light = np.maximum(radiance, 0) * np.float32(gain) * (1 - np.float32(min(sensor.vignetting, 1)) * corner)[..., None]
    spread = np.sqrt(np.minimum(light, 4) / np.float32(sensor.full_well) + np.float32(sensor.read_noise**2))
    light = light + rng.standard_normal(light.shape, np.float32) * spread
    clipped = np.minimum(light, 1).reshape(-1, 3).mean(0)
    cast = np.maximum(clipped, 1e-4) / max(float(clipped.mean()), 1e-4)
    light = light * (np.array(sensor.white_balance) / cast**sensor.balance).astype(np.float32)
    picture = srgb_encode(roll_off(np.maximum(light, 0)))
    if sensor.sharpness:
        soft = cv2.GaussianBlur(picture, (0, 0), 0.8)
        picture = picture + np.float32(max(sensor.sharpness, -1.0)) * (picture - soft)
    image = np.asarray(np.clip(picture * 255 + 0.5, 0, 255), np.uint8)
    if sensor.jpeg_quality is not None:
        _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg_quality])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None
        image = np.asarray(decoded[..., ::-1], np.uint8)
    return np.ascontiguousarray(image)
