"""Films that are quickly written: a camera that slides along a wall of noise."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene

HW = (48, 80)
FOCAL_PX = 60.0


def wall(width: int = 800, seed: int = 0) -> NDArray[np.uint8]:
    """Return a long picture with texture of all sizes."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.random((HW[0] // k + 1, width // k + 1, 3)), (width, HW[0])) for k in (4, 8, 16)]
    return np.asarray(np.clip(255 * np.mean(layers, axis=0), 0, 255), np.uint8)


def slide(count: int, step: int = 4, start: int = 0) -> list[NDArray[np.uint8]]:
    """Return the frames of a camera that steps `step` pixels to the right each time."""
    picture = wall()  # always the same one
    return [picture[:, start + step * i : start + step * i + HW[1]] for i in range(count)]


def write_frames(folder: Path, frames: list[NDArray[np.uint8]], camera: bool = True) -> Path:
    """Write pictures, and a K.txt beside them in OpenCV's convention."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{i:04d}.png"), frame[..., ::-1])
    if camera:
        h, w = frames[0].shape[:2]
        np.savetxt(folder / "K.txt", [[FOCAL_PX, 0, w / 2 - 0.5], [0, FOCAL_PX, h / 2 - 0.5], [0, 0, 1]])
    return folder


def write_film_world(root: Path, frames: int = 20, baseline_m: float | None = 0.2, film: bool = True) -> Path:
    """Write a world of one film along a wall 3 m away, in metres: a pixel is 3 / 60 = 0.05 m of it."""
    depth = np.full(HW, 3.0, np.float32)
    zeros, flat = np.zeros(HW, np.uint8), np.zeros((*HW, 3), np.float32)
    k = np.array([[FOCAL_PX, 0, HW[1] / 2], [0, FOCAL_PX, HW[0] / 2], [0, 0, 1]])
    views = []
    # The right eye sees a point at x - f b / z = x - 4.
    right = slide(frames, start=4)
    for i, picture in enumerate(slide(frames)):
        pose = np.eye(4)
        pose[0, 3] = 4 * i * 3.0 / FOCAL_PX
        stereo = {}
        if baseline_m is not None:
            disparity = np.full(HW, FOCAL_PX * baseline_m / 3.0, np.float32)
            stereo = {"right": right[i], "pixel_disparity": disparity, "occluded": zeros > 0, "baseline_m": baseline_m}
        extra = {"frame": i} if film else {}
        views.append(
            StoredView(picture, depth, flat, zeros, zeros.astype(np.uint16), zeros > 0, k, pose, extra=extra, **stereo)
        )
    write_dataset(root, {"world": "wall"})
    write_scene(root, "s0", views)
    return root


def write_camera(path: Path, width: int, height: int) -> Path:
    path.write_text(json.dumps({"width": width, "height": height, "fx": 60, "fy": 60, "cx": width / 2, "cy": height / 2}))
    return path
