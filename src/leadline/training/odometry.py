"""The camera's path through a film, as the pose network of a trained video network sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leadline.data.film import Film, open_film
from leadline.data.film_sources import VideoSource
from leadline.data.film_windows import window_of
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.models.kuznietsov import Kuznietsov
from leadline.models.registry import checkpoint_folder, load_trained
from leadline.models.video_network import VideoNetwork
from leadline.training.config import from_json

BATCH = 8


def film_path(network: VideoNetwork, film: Film, hw: tuple[int, int], fov_deg: float | None = None) -> NDArray[np.float64]:
    """Return (F, 4, 4) float64 world_from_camera of a film's frames, the first at the origin, in the unit of the depth.

    The motion between each frame and the next is asked for, and motions are put one behind the other: errors add up.

    Args:
        network: in evaluation mode.
        film: all of whose frames are kept, or the path has steps of several frames.
        hw: of the network's pictures, as it learnt.
        fov_deg: of the window, where it learnt with one field of view.

    Raises:
        LeadlineError: too few frames, or a network that says no motion or learnt from more neighbours than one on either side.
    """
    if isinstance(network, Kuznietsov):
        raise LeadlineError("a kuznietsov network has no pose network, so no path: expected one that learnt from motion")
    offsets = (1,) if network.sources is None else (-1, 1)
    if network.sources not in (None, len(offsets)):
        raise LeadlineError(
            f"a network of {network.sources} neighbours has no motion from one frame to the next: expected one that learnt "
            "from 1 or 2"
        )
    if len(film) < len(offsets) + 1:
        raise LeadlineError(f"{film.name} has {len(film)} frames: expected at least {len(offsets) + 1} for a path")
    targets = range(0, len(film) - 1) if offsets == (1,) else range(1, len(film) - 1)
    motions: list[NDArray[np.float64]] = []
    for first in range(0, len(targets), BATCH):
        part = targets[first : first + BATCH]
        found = _motions(network, film, part, offsets, hw, fov_deg)
        if offsets != (1,) and first == 0:
            motions.append(np.linalg.inv(found[0, 0]))  # the first target says how its earlier neighbour moved to it
        motions += list(found[-1])
    poses = [np.eye(4)]
    for next_from_current in motions:
        poses.append(poses[-1] @ np.linalg.inv(next_from_current))
    return np.stack(poses)


def _motions(
    network: VideoNetwork,
    film: Film,
    targets: Sequence[int],
    offsets: tuple[int, ...],
    hw: tuple[int, int],
    fov_deg: float | None,
) -> NDArray[np.float64]:
    """Return (S, N, 4, 4) source_from_target of frames and their neighbours."""
    with torch.inference_mode():
        target = _pictures(network, film, targets, hw, fov_deg)
        sources = [_pictures(network, film, [i + offset for i in targets], hw, fov_deg) for offset in offsets]
        motion = network.views(target, sources, offsets).motion
        return np.asarray(network.motion_matrices(motion.float(), offsets).cpu().numpy(), np.float64)


def _pictures(network: VideoNetwork, film: Film, frames: Sequence[int], hw: tuple[int, int], fov_deg: float | None) -> Tensor:
    shown = []
    for frame in frames:
        picture = window_of(film.cameras[frame], hw, fov_deg).crop(np.asarray(film.pictures[frame]))
        how = cv2.INTER_AREA if picture.shape[0] > hw[0] else cv2.INTER_LINEAR
        shown.append(picture if picture.shape[:2] == hw else cv2.resize(picture, hw[::-1], interpolation=how))
    device = next(network.parameters()).device
    return network.normalise(torch.from_numpy(np.stack(shown)).to(device))


def path_by_checkpoint(model: Path, source: str, cache: Path) -> tuple[NDArray[np.float64], str]:
    """Return the path through the only film of a source by a trained network, and the unit of its places ("m", or "").

    Args:
        model: folder of a run or checkpoint.
        source: of `data.sources`.
        cache: folder of decoded films.

    Raises:
        LeadlineError: no video network, or not one film.
    """
    network, _ = load_trained(model)
    if not isinstance(network, VideoNetwork):
        raise LeadlineError(f"{model} has no pose network: expected a run of monodepth2, sfmlearner, ddvo or geonet")
    config = from_json((checkpoint_folder(model) / "config.json").read_text("utf-8"))
    films = VideoSource.parse(source).films()
    if len(films) != 1:
        raise LeadlineError(f"{source} has {len(films)} films: expected one; name it by its own folder or file")
    data = config.data
    film = open_film(films[0], cache, data.longest, 0.0)
    fov_deg = network.fov_deg[0] if network.fov_deg else None
    return film_path(network, film, data.shapes[0], fov_deg), "m" if network.kind == METRIC_DEPTH else ""
