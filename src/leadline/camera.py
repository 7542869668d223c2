"""The pinhole camera of a picture, and what cropping, resizing and flipping do to it.

Pixel-centre convention, for the whole project: the picture is a continuous rectangle whose **top-left corner is (0, 0)** and
whose bottom-right corner is (width, height); the pixel with integer index ``i`` covers ``[i, i + 1)`` and its **centre is at
i + 0.5**. A centred camera has ``cx = width / 2``. Resizing multiplies fx, cx by the same factor; no half pixel is left over.
(OpenCV and COLMAP calibrations that put the first pixel's centre at 0 differ by 0.5: see `Camera.from_opencv`.)
The camera frame is x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import atan, degrees, hypot, isfinite, radians, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

# The diagonal of the 36 mm x 24 mm film frame, to which "35 mm equivalent" refers (CIPA DCG-001).
FILM_DIAGONAL_MM = hypot(36.0, 24.0)
# Below this share of the longer side, a pinhole would see more than 136 degrees: a number in millimetres, not pixels.
SMALLEST_FOCAL_SHARE = 0.2


@dataclass(frozen=True)
class Camera:
    """Pinhole intrinsics in pixels, with optional lens distortion.

    Attributes:
        width, height: the picture's size in pixels.
        fx, fy: focal lengths in pixels.
        cx, cy: principal point in pixels, measured from the top-left *corner* (see the module's convention).
        distortion: OpenCV's (k1, k2, p1, p2[, k3]), empty for none; they refer to normalised coordinates, so they survive
            crop and resize unchanged.

    Raises:
        LeadlineError: a size or focal length is not positive and finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise LeadlineError(f"a camera of {self.width} x {self.height} pixels: expected at least 1 x 1")
        for name in ("fx", "fy"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                raise LeadlineError(f"{name} = {value}: expected a positive focal length in pixels")
        if not (isfinite(self.cx) and isfinite(self.cy)):
            raise LeadlineError(f"principal point ({self.cx}, {self.cy}): expected finite pixels")
        if len(self.distortion) not in (0, 4, 5):
            raise LeadlineError(f"{len(self.distortion)} distortion coefficients: expected k1 k2 p1 p2 or k1 k2 p1 p2 k3")

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width

    @property
    def fov_deg(self) -> tuple[float, float]:
        """Horizontal and vertical field of view in degrees, from one picture edge to the other."""
        horizontal = atan(self.cx / self.fx) + atan((self.width - self.cx) / self.fx)
        vertical = atan(self.cy / self.fy) + atan((self.height - self.cy) / self.fy)
        return degrees(horizontal), degrees(vertical)

    @classmethod
    def from_focal_px(cls, focal_px: float, hw: tuple[int, int]) -> Camera:
        """Return a centred camera with square pixels.

        Raises:
            LeadlineError: the focal length is not positive, or so short that it can only be millimetres.
        """
        height, width = hw
        if not (isfinite(focal_px) and focal_px > 0):
            raise LeadlineError(f"focal length {focal_px} px: expected a positive number of pixels")
        if focal_px < SMALLEST_FOCAL_SHARE * max(hw):
            fov = degrees(2 * atan(max(hw) / (2 * focal_px)))
            raise LeadlineError(
                f"focal length {focal_px:g} px on a picture of {width} x {height} would be a {fov:.0f} degree view: that looks "
                "like millimetres; give pixels (focal_mm / sensor_width_mm * picture_width) or use --fov-deg"
            )
        return cls(width, height, focal_px, focal_px, width / 2, height / 2)

    @classmethod
    def from_fov_deg(cls, fov_deg: float, hw: tuple[int, int]) -> Camera:
        """Return a centred camera from its horizontal field of view in degrees.

        Raises:
            LeadlineError: the angle is outside (0, 136].
        """
        largest = degrees(2 * atan(0.5 / SMALLEST_FOCAL_SHARE))
        if not 0 < fov_deg <= largest:
            raise LeadlineError(
                f"field of view {fov_deg:g} degrees: expected more than 0 and at most {largest:.0f} for a pinhole"
            )
        focal = hw[1] / (2 * tan(radians(fov_deg) / 2))
        return cls(hw[1], hw[0], focal, focal, hw[1] / 2, hw[0] / 2)

    @classmethod
    def from_focal_35mm(cls, focal_mm: float, hw: tuple[int, int]) -> Camera:
        """Return a centred camera from EXIF's FocalLengthIn35mmFilm: equal *diagonal* field of view (CIPA DCG-001)."""
        if not (isfinite(focal_mm) and focal_mm > 0):
            raise LeadlineError(f"35 mm equivalent focal length {focal_mm}: expected positive millimetres")
        return cls.from_focal_px(focal_mm / FILM_DIAGONAL_MM * hypot(*hw), hw)

    @classmethod
    def from_opencv(cls, intrinsics: Any, hw: tuple[int, int], distortion: Any = ()) -> Camera:
        """Return the camera of a (3, 3) matrix whose convention puts the *centre* of the first pixel at (0, 0) (OpenCV, ROS).

        Raises:
            LeadlineError: the matrix is not (3, 3).
        """
        k = np.asarray(intrinsics, dtype=np.float64)
        if k.shape != (3, 3):
            raise LeadlineError(f"intrinsics of shape {k.shape}: expected a (3, 3) matrix")
        lens = tuple(float(c) for c in np.ravel(distortion))
        return cls(hw[1], hw[0], float(k[0, 0]), float(k[1, 1]), float(k[0, 2]) + 0.5, float(k[1, 2]) + 0.5, lens)

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """The (3, 3) matrix in this project's corner convention."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    def crop(self, x: int, y: int, width: int, height: int) -> Camera:
        """Return the camera of the window whose top-left pixel is (x, y)."""
        return replace(self, width=width, height=height, cx=self.cx - x, cy=self.cy - y)

    def resize(self, hw: tuple[int, int]) -> Camera:
        """Return the camera of the picture resampled to `hw` (edges stay edges, as cv2.resize and align_corners=False do)."""
        sy, sx = hw[0] / self.height, hw[1] / self.width
        return replace(self, width=hw[1], height=hw[0], fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy)

    def flip(self) -> Camera:
        """Return the camera of the picture mirrored left to right."""
        d = self.distortion
        # Mirroring x turns the tangential term p2 (the one that shifts x) around; radial terms and p1 stay.
        mirrored = (*d[:3], -d[3], *d[4:]) if d else ()
        return replace(self, cx=self.width - self.cx, distortion=mirrored)

    def pixel_centres(self) -> NDArray[np.float64]:
        """Return (h, w, 2) the (x, y) position of every pixel's centre."""
        x, y = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        return np.stack([x, y], axis=-1)

    def rays(self) -> NDArray[np.float64]:
        """Return (h, w, 3) the direction (x/z, y/z, 1) through each pixel's centre; points are ``depth * rays``.

        Raises:
            LeadlineError: the distortion folds the picture over itself.
        """
        xy = self.pixel_centres()
        if self.distortion:
            normalised = self._undistorted(xy)
        else:
            normalised = (xy - (self.cx, self.cy)) / (self.fx, self.fy)
        return np.concatenate([normalised, np.ones((*self.hw, 1))], axis=-1)

    def ray_lengths(self) -> NDArray[np.float64]:
        """Return (h, w) the length of `rays`: ray_distance = depth * ray_lengths."""
        lengths: NDArray[np.float64] = np.linalg.norm(self.rays(), axis=-1)
        return lengths

    def project(self, points: Any) -> NDArray[np.float64]:
        """Return (..., 2) pixel positions of (..., 3) camera-frame points in front of the camera."""
        p = np.asarray(points, dtype=np.float64)
        x, y = p[..., 0] / p[..., 2], p[..., 1] / p[..., 2]
        if self.distortion:
            k1, k2, p1, p2, k3 = (*self.distortion, 0.0)[:5]
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            x, y = (
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            )
        return np.stack([self.fx * x + self.cx, self.fy * y + self.cy], axis=-1)

    def to_dict(self) -> dict[str, Any]:
        """Return the camera as JSON-ready numbers."""
        fields: dict[str, Any] = {
            "width": self.width, "height": self.height, "fx": self.fx, "fy": self.fy, "cx": self.cx, "cy": self.cy
        }  # fmt: skip
        return {**fields, "distortion": list(self.distortion)} if self.distortion else fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Camera:
        """Read what `to_dict` wrote."""
        try:
            return cls(
                int(fields["width"]), int(fields["height"]), float(fields["fx"]), float(fields["fy"]),
                float(fields["cx"]), float(fields["cy"]), tuple(float(k) for k in fields.get("distortion", ())),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise LeadlineError(f"a camera needs width, height, fx, fy, cx, cy: {error} in {dict(fields)}") from None

    def _undistorted(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Invert the lens model by Newton's method (OpenCV's default of five fixed-point steps is off by up to 0.2 pixels).

        Raises:
            LeadlineError: the model folds the picture over itself, so that some pixels have no ray.
        """
        k1, k2, p1, p2, k3 = (*self.distortion, 0.0)[:5]
        goal_x, goal_y = np.moveaxis((xy - (self.cx, self.cy)) / (self.fx, self.fy), -1, 0)
        x, y = goal_x.copy(), goal_y.copy()
        for _ in range(30):
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
            error_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) - goal_x
            error_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y - goal_y
            xx = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x  # the Jacobian is symmetric
            xy_ = x * y * slope + 2 * p1 * x + 2 * p2 * y
            yy = radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
            determinant = xx * yy - xy_ * xy_
            if (determinant <= 0).any():
                break
            x, y = x - (yy * error_x - xy_ * error_y) / determinant, y - (xx * error_y - xy_ * error_x) / determinant
            if max(np.abs(error_x).max(), np.abs(error_y).max()) < 1e-12:
                return np.stack([x, y], axis=-1)
        raise LeadlineError(
            f"distortion {self.distortion} folds a picture of {self.width} x {self.height} over itself: expected a lens model "
            "that holds to the corners; crop the picture, or undistort it and drop the coefficients"
        )
