"""WSVD (Web Stereo Video Dataset): frames of 3D videos, side by side in half width, at the numbers that the authors chose."""

from __future__ import annotations

import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="wsvd",
    title="WSVD",
    layout="wsvd_train_clip_frame_ids.pkl and wsvd_test_clip_frame_ids.pkl (the authors' lists), and the videos as NAME.mp4 "
    "in any folder below",
    kind=None,
    unit="none: the authors give no maps, they compute optical flow between the two halves",
    invalid="-",
    camera="unknown",
    licence="of each video its maker's; the lists for research",
    citation="Wang et al., Web stereo video supervision for depth prediction from dynamic scenes, 3DV 2019 (arXiv 1904.11112)",
    training_allowed=False,
    notes="each half of a frame is stretched to the frame's width. Videos that have left the web are left out",
)

LISTS = "wsvd_*_clip_frame_ids.pkl"
EXTENSION = 5  # characters of some names behind the video's: "-0001" and the like


def _names(root: Path) -> list[str]:
    lists = sorted(root.glob(LISTS))
    if root.is_dir() and not lists:
        raise LeadlineError(f"no {LISTS} in {root}: expected the authors' lists of clips beside the videos")
    videos = _videos(root)
    names = []
    for path in lists:
        split = path.name.split("_")[1]
        for entry in _clips(path):
            video = next((v for v in (entry["name"], entry["name"][:-EXTENSION]) if v in videos), None)
            for number, clip in enumerate(entry["clips"] if video else ()):
                names += [f"{split}/{video}/{number:03d}/{int(frame):06d}" for frame in clip["frames"]]
    return names


def _read(root: Path, name: str) -> Sample:
    _, video, _, frame = name.split("/")
    path = _videos(root)[video]
    capture = cv2.VideoCapture(str(path))
    try:
        capture.set(cv2.CAP_PROP_POS_FRAMES, int(frame))
        found, bgr = capture.read()
    finally:
        capture.release()
    if not found:
        raise LeadlineError(f"{path} has no frame {int(frame)}: is the download whole?")
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    half = rgb.shape[1] // 2
    left, right = (_stretched(rgb[:, at : at + half], 2 * half) for at in (0, half))
    return StereoPair(name, left, right=right)


def _stretched(picture: NDArray[Any], width: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (width, picture.shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


@lru_cache(maxsize=4)
def _videos(root: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(root.glob("**/*.mp4"))}


class _Plain(pickle.Unpickler):
    """Reads lists, dictionaries, numbers and NumPy arrays; refuses whatever else a pickle may call."""

    def find_class(self, module: str, name: str) -> Any:
        """See `pickle.Unpickler`."""
        numpy_parts = ("_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer")
        if (module.startswith("numpy") and name in numpy_parts) or (module, name) == ("builtins", "range"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no list of numbers")


def _clips(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            clips = _Plain(file).load()
        plain = [{"name": str(e["name"]), "clips": [{"frames": list(clip["frames"])} for clip in e["clips"]]} for e in clips]
    except (OSError, EOFError, pickle.UnpicklingError, KeyError, TypeError, AttributeError) as error:
        raise LeadlineError(f"can't read {path} ({error}): expected the authors' list of names, clips and frames") from None
    return plain


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
