"""The intrinsics of a film, as the user gives them behind a source: a file, a focal length, or a field of view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.files import read_bytes, read_matrix
from leadline.data.stereo_rig import read_rig
from leadline.errors import LeadlineError

OPTION = "::"
MIDDLE = (0.3, 0.7)  # share of a side between which the principal point of a whole picture lies
FOUND = ("camera.json", "K.txt", "calib.txt")  # files that are taken if they lie beside the pictures, or one folder up


class Rig(NamedTuple):
    """The cameras of a film.

    Attributes:
        cameras: one, or one for each frame; none if nothing is known.
        baseline_m: of a partner on the right, None if unknown.
        offset_px: how far right of a picture's principal point its partner's is.
    """

    cameras: tuple[Camera, ...] = ()
    baseline_m: float | None = None
    offset_px: float = 0.0


@dataclass(frozen=True)
class FilmCameras:
    """What is known of a film's camera.

    Attributes:
        path: a file: ``camera.json`` (one camera of `leadline.camera.Camera.to_dict`, or a list with one a frame, or what
            ``leadline synth`` writes), a text of the 3 x 3 matrix in OpenCV's convention (``K.txt``), or a calibration of a
            rectified pair (`leadline.data.stereo_rig`). None if there is none.
        focal_px: of the pictures as they are in the film.
        fov_deg: horizontal field of view.
        baseline_m: of a stereo partner on the right.
    """

    path: Path | None = None
    focal_px: float | None = None
    fov_deg: float | None = None
    baseline_m: float | None = None

    @classmethod
    def parse(cls, options: Sequence[str], text: str) -> FilmCameras:
        """Read what stands behind a source, without the ``::``: a file, ``focal=PX``, ``fov=DEG``, ``baseline=M``.

        Args:
            options: see above.
            text: the whole source, for messages.

        Raises:
            LeadlineError: an option is none of these, or two contradict each other.
        """
        names = {"focal": "focal_px", "fov": "fov_deg", "baseline": "baseline_m"}
        found: dict[str, Any] = {}
        for option in options:
            name, equals, value = option.partition("=")
            if not equals:
                found["path"] = Path(option)
                continue
            if name not in names:
                raise LeadlineError(f"data.sources has {text!r}: expected ::FILE, ::focal=PX, ::fov=DEG or ::baseline=M")
            try:
                found[names[name]] = float(value)
            except ValueError:
                raise LeadlineError(f"data.sources has {text!r}: expected a number behind {name}=") from None
        if len({"path", "focal_px", "fov_deg"} & set(found)) > 1:
            raise LeadlineError(f"data.sources has {text!r}: expected one of ::FILE, ::focal=PX and ::fov=DEG")
        return cls(**found)

    def beside(self, folder: Path) -> FilmCameras:
        """Return these; where nothing is known of the focal length, with a file that lies in a folder or in the one above."""
        if self.path or self.focal_px or self.fov_deg:
            return self
        for place in (folder, folder.parent):
            for name in FOUND:
                if (place / name).is_file():
                    return FilmCameras(place / name, baseline_m=self.baseline_m)
        return self

    def read(self, hw: tuple[int, int]) -> Rig:
        """Return what is known for pictures of a size.

        Raises:
            LeadlineError: the file can't be read, or is for pictures of another size.
        """
        if self.focal_px:
            return Rig((Camera.from_focal_px(self.focal_px, hw),), self.baseline_m)
        if self.fov_deg:
            return Rig((Camera.from_fov_deg(self.fov_deg, hw),), self.baseline_m)
        if self.path is None:
            return Rig((), self.baseline_m)
        if self.path.suffix == ".json":
            return Rig(_from_json(self.path, hw), self.baseline_m)
        if len(read_bytes(self.path).split()) == 9:
            camera = Camera.from_opencv(read_matrix(self.path, (3, 3)), hw)
            _check_middle(camera, self.path)
            return Rig((camera,), self.baseline_m)
        rig = read_rig(self.path, hw)
        _check_middle(rig.camera, self.path)
        return Rig((rig.camera,), rig.baseline_m if self.baseline_m is None else self.baseline_m, rig.offset_px)

    @property
    def note(self) -> str:
        """What to say of a camera that is only estimated; "" if it is known."""
        if self.fov_deg is None:
            return ""
        return (
            f"its camera is estimated from a field of view of {self.fov_deg:g} degrees: if that is wrong, depth is bent and "
            "points are stretched; a calibration (::K.txt) is better"
        )


def _from_json(path: Path, hw: tuple[int, int]) -> tuple[Camera, ...]:
    try:
        content = json.loads(read_bytes(path))
        if isinstance(content, dict) and "views" in content:
            content = content["views"]
        cameras = tuple(Camera.from_dict(each) for each in (content if isinstance(content, list) else [content]))
    except (ValueError, TypeError, AttributeError) as error:
        raise LeadlineError(f"{path} holds no cameras ({error}): expected width, height, fx, fy, cx, cy") from None
    for camera in cameras:
        if camera.hw != hw:
            raise LeadlineError(
                f"{path} is for pictures of {camera.width} x {camera.height}, these have {hw[1]} x {hw[0]}: scale it with them"
            )
    if not cameras:
        raise LeadlineError(f"{path} holds no cameras: expected one, or one a frame")
    return cameras


def _check_middle(camera: Camera, path: Path) -> None:
    """Refuse intrinsics whose principal point can't be that of a picture of this size."""
    shares = np.array([camera.cx / camera.width, camera.cy / camera.height])
    if ((shares < MIDDLE[0]) | (shares > MIDDLE[1])).any():
        raise LeadlineError(
            f"{path} has its principal point at ({camera.cx:.0f}, {camera.cy:.0f}), the pictures have {camera.width} x "
            f"{camera.height}: it looks like intrinsics of another size; scale them with the pictures, or write a camera.json"
        )
