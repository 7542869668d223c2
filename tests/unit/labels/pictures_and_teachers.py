"""Small pictures in every container, and a teacher in NumPy."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.predictor import ModelCard, Prediction


class GreyTeacher:
    """Disparity is the mean of the colours; it can take its time, and stop at pictures that have a mark in their corner."""

    def __init__(self, name: str = "grey.v1", seconds: float = 0.0) -> None:
        self.card = ModelCard(name, RELATIVE_DISPARITY, sha256="0" * 64, input_size=64)
        self.seconds = seconds

    def __call__(self, image, camera=None):
        if self.seconds:
            time.sleep(self.seconds)
        return Prediction(DepthMap(image.mean(axis=-1), None, self.card.kind, source=self.card.name))


def noise(seed: int, hw: tuple[int, int] = (32, 32)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (*hw, 3), np.uint8)


def encoded(pixels: np.ndarray, format: str = "png") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, compress_level=1)
    return file.getvalue()


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def noise_tar(path: Path, count: int) -> Path:
    return write_tar(path, {f"{number:05d}.png": encoded(noise(number)) for number in range(count)})


def labels_in(out: Path) -> dict[str, bytes]:
    """Every file in every shard by name."""
    found: dict[str, bytes] = {}
    for path in sorted((out / "shards").glob("*.tar")):
        with tarfile.open(path) as archive:
            for info in archive:
                file = archive.extractfile(info)
                assert file is not None
                assert info.name not in found, f"{info.name} is in two shards"
                found[info.name] = file.read()
    return found
