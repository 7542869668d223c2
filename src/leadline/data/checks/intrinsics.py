"""Cameras that don't belong to the picture: of another size, squashed, off centre, or no pinhole's."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.camera import Camera
from leadline.data.checks.finding import Finding, Look

# Lenses outside this are no pinhole, or their focal length belongs to another size of the picture; half of it vertically.
PLAUSIBLE_FOV_DEG = (12.0, 130.0)
LARGEST_CENTRE_OFFSET = 0.2  # of the side: beyond it the principal point belongs to another crop or size
SQUARE_PIXELS = (0.8, 1.25)  # fx / fy outside means that the picture was squashed; within 2 % is usual
NEARLY_SQUARE = 0.03


def find(look: Look) -> Iterator[Finding]:
    """Judge the cameras of one sample: the picture's and the truth's."""
    height, width = look.hw
    camera = look.sample.camera
    if camera is not None and camera.hw != (height, width):
        yield Finding(
            "camera of another size", "error", "certain",
            f"a camera of {camera.width} x {camera.height} for a picture of {width} x {height}",
            f"resize the intrinsics with the picture (Camera.resize(({height}, {width})))",
        )  # fmt: skip
    # Of the same numbers one report is enough.
    for each in dict.fromkeys(c for c in (camera, look.depth_camera) if c is not None):
        yield from _implausible(each)


def _implausible(camera: Camera) -> Iterator[Finding]:
    belongs_to = _size_by_centre(camera)
    resize = f"resize them from {belongs_to[0]} x {belongs_to[1]}" if belongs_to else "resize or crop them with the picture"
    for fov, axis, least in zip(camera.fov_deg, ("horizontal", "vertical"), (1.0, 0.5), strict=True):
        if not least * PLAUSIBLE_FOV_DEG[0] <= fov <= PLAUSIBLE_FOV_DEG[1]:
            focal = camera.fx if axis == "horizontal" else camera.fy
            yield Finding(
                "field of view", "error", "likely",
                f"a {axis} field of view of {fov:.0f} degrees (focal length {focal:g} px on {camera.width} x {camera.height})",
                f"give the focal length in pixels of this picture's size; {resize}",
            )  # fmt: skip
    off = [
        f"{axis} = {centre:.1f} of {side}"
        for centre, side, axis in ((camera.cx, camera.width, "cx"), (camera.cy, camera.height, "cy"))
        if abs(centre / side - 0.5) > LARGEST_CENTRE_OFFSET
    ]
    if off:
        hint = f": the centre of a picture of {belongs_to[0]} x {belongs_to[1]}" if belongs_to else ""
        yield Finding(
            "principal point", "error", "likely", f"{' and '.join(off)} pixels{hint}",
            f"the intrinsics are of another size: {resize}",
        )  # fmt: skip
    ratio = camera.fx / camera.fy
    if not SQUARE_PIXELS[0] < ratio < SQUARE_PIXELS[1]:
        yield Finding(
            "pixels that are not square", "error", "likely", f"fx / fy = {ratio:.2f}",
            "if the picture was squashed, scale fx with its width and fy with its height; if not, they are of two pictures",
        )  # fmt: skip
    elif abs(ratio - 1) > NEARLY_SQUARE:
        yield Finding(
            "pixels that are not square", "warning", "possible", f"fx / fy = {ratio:.3f}; sensors have 1 within 1 %",
            "check that the picture was resized by the same factor in both directions, or its camera with it",
        )  # fmt: skip


def _size_by_centre(camera: Camera) -> tuple[int, int] | None:
    """Return (width, height) of the picture that the principal point would be the middle of, if it is another one's."""
    fx, fy = 2 * camera.cx / camera.width, 2 * camera.cy / camera.height
    if fx > 0 and fy > 0 and abs(fx / fy - 1) < 0.15 and abs(fx - 1) > 0.2:
        return round(2 * camera.cx), round(2 * camera.cy)
    return None
