"""The truth of held-out pictures as the network sees them: depth, what moves, the camera, and the flow to a neighbour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.files import read_json
from leadline.data.datasets.registry import get_dataset
from leadline.data.film_windows import crop_map, window_of
from leadline.data.synthetic.layout import read_dataset
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.geometry.points import transform, unproject

Poses = NDArray[np.float64]
_SAME = 1e-6  # metres, of places of the camera in a scene that was built again


class Shown(NamedTuple):
    """A picture's window that the network gets, with its truth.

    Attributes:
        name: of the sample.
        picture: (h, w, 3) uint8.
        camera: of the window.
        depth: of the window, metres.
        moving: (h, w) bool, what moves in the world; None if nobody knows.
        instance: (h, w) object numbers, or None.
        world_from_camera: (4, 4), or None.
    """

    name: str
    picture: NDArray[np.uint8]
    camera: Camera
    depth: DepthMap
    moving: NDArray[np.bool_] | None
    instance: NDArray[np.generic] | None
    world_from_camera: Poses | None


def read_shown(reader: str, root: Path, name: str, hw: tuple[int, int], focal_px: float | None = None) -> Shown:
    """Read a sample in the largest window of the shape of `hw`.

    Args:
        reader, root, name: of the sample.
        hw: of the network's pictures.
        focal_px: of a sample whose reader knows no camera.

    Raises:
        LeadlineError: it has no depth, or no camera and no focal length.
    """
    sample = get_dataset(reader).read(root, name)
    camera = sample.camera
    if camera is None and focal_px is not None:
        h, w = sample.image.shape[:2]
        camera = Camera(w, h, focal_px, focal_px, w / 2, h / 2)
    if camera is None or sample.depth is None:
        raise LeadlineError(f"{root / name} has no {'camera' if camera is None else 'depth'}: expected both to score on")
    window = window_of(camera, hw, None)
    masks = {key: window.crop(sample.masks[key]) for key in ("moving", "instance") if key in sample.masks}
    moving = masks.get("moving")
    return Shown(
        name,
        np.ascontiguousarray(window.crop(sample.image)),
        camera.crop(*window),
        crop_map(sample.depth.to_depth(), window, camera.hw),
        None if moving is None else moving.astype(bool),
        masks.get("instance"),
        sample.world_from_camera,
    )


def film_moves(scene: Path) -> dict[int, Poses]:
    """Return (frames, 4, 4) where each object that moves stands in each frame of a rendered film, by its instance number.

    A film's folder does not say so; its world is built again from its seed, without rendering, which takes half a second.

    Raises:
        LeadlineError: the film is no rendered one, or today's world is another than the one that was rendered.
    """
    from leadline.data.synthetic import job

    about, dataset = read_json(scene / "camera.json"), read_dataset(scene.parent)
    try:
        settings: dict[str, Any] = {**dataset["options"], "assets": None}
        settings["sizes"] = tuple(tuple(size) for size in settings["sizes"])
        world = job.make_scene(job.Options(**settings), int(about["scene"]))
    except (KeyError, TypeError, ValueError) as error:
        raise LeadlineError(f"{scene}: {error!r}; expected a film that leadline synth rendered without --assets") from None
    stored = np.array([view["world_from_camera"] for view in about["views"]])
    built = np.array([view.world_from_camera for view in world.views])
    if stored.shape != built.shape or np.abs(stored - built).max() > _SAME:
        raise LeadlineError(f"{scene} was rendered by another version of its world: render it again to score flow on it")
    return {move.instance: move.world_from_start for move in world.moves}


def true_flow(
    shown: Shown, source_from_world: Poses, moved: Mapping[int, Poses]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return (h, w, 2) the pixels (x, y) by which a picture's points move to a neighbour, and where that is known and in view.

    What hides behind something in the neighbour counts: it is in view of its frame.

    Args:
        shown: the picture; its camera's poses and the neighbour's are in one world.
        source_from_world: (4, 4) of the neighbour.
        moved: instance -> (4, 4) motion in the world from this frame to the neighbour's; what is not named stands still.
    """
    assert shown.world_from_camera is not None
    assert shown.instance is not None
    camera, known = shown.camera, shown.depth.valid
    depth = np.where(known, shown.depth.values, 1.0)
    world = transform(shown.world_from_camera, unproject(depth, camera))
    for instance, motion in moved.items():
        of_it = known & np.equal(shown.instance, instance)
        world[of_it] = transform(motion, world[of_it])
    points = transform(source_from_world, world)
    ahead = points[..., 2] > 1e-3
    xy = camera.project(np.where(ahead[..., None], points, 1.0))
    inside = (xy > 0.5).all(-1) & (xy < np.array([camera.width, camera.height]) - 0.5).all(-1)
    return xy - camera.pixel_centres(), known & ahead & inside


def spread(names: Sequence[str], most: int) -> list[str]:
    """Return up to `most` names, evenly spread from the first to the last."""
    if len(names) <= most:
        return list(names)
    return [names[i] for i in np.linspace(0, len(names) - 1, max(1, most)).astype(int)]
