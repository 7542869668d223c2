"""What a synthetic world is made of: things with meshes and looks, lights, and views. NumPy only.

A world is a function ``make_scene(rng, assets) -> Scene``. Worlds describe; `render` turns the description into pictures
and truth with Mitsuba. Units are metres, the world frame has **z up**, and a pose is ``world_from_camera`` with the camera
frame of `leadline.Camera` (x right, y down, z forward).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32] | NDArray[np.float64]


class Material(IntEnum):
    """The surface class of a pixel, as stored in ``material/*.png``."""

    OPAQUE = 0
    TRANSPARENT = 1
    MIRROR = 2


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in its own frame.

    Attributes:
        vertices: (n, 3) positions in metres.
        faces: (m, 3) vertex indices, counter-clockwise seen from outside.
        uv: (n, 2) texture coordinates (one unit = one texture repeat), or None.
        smooth: interpolate vertex normals (curved things) instead of flat facets.
    """

    vertices: Float
    faces: NDArray[np.integer]
    uv: Float | None = None
    smooth: bool = False


LookKind = Literal[
    "diffuse", "plastic", "metal", "glass", "thin_glass", "tinted_glass", "frosted_glass", "mirror", "chrome", "light"
]
TRANSPARENT_KINDS: tuple[LookKind, ...] = ("glass", "thin_glass", "tinted_glass", "frosted_glass")


@dataclass(frozen=True)
class Look:
    """How a surface looks.

    Attributes:
        kind: diffuse; plastic (diffuse under a clear coat); metal (rough conductor); glass (solid dielectric);
            thin_glass (a pane: reflects and transmits without refraction; like glass it takes the hue of `colour` and stays
            clear); tinted_glass (a pane that lets `colour` through, however dark); frosted_glass (a rough pane); mirror
            (perfect); chrome (a mirror of `colour`); light (an emitter).
        colour: linear-light RGB in 0..1; multiplies nothing when `texture` is given. For "light": radiance (may exceed 1).
        texture: (h, w, 3) uint8 sRGB, repeated over the uv plane; None for a plain colour.
        roughness: microfacet alpha of plastic, metal and frosted_glass, 0.02 (polished) to 0.5.
    """

    kind: LookKind = "diffuse"
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    texture: NDArray[np.uint8] | None = None
    roughness: float = 0.1

    @property
    def material(self) -> Material:
        """The surface class this look belongs to."""
        if self.kind in TRANSPARENT_KINDS:
            return Material.TRANSPARENT
        return Material.MIRROR if self.kind in ("mirror", "chrome") else Material.OPAQUE


@dataclass(frozen=True)
class Thing:
    """One mesh with one look, placed in the world. Things that share an `instance` are one object (a lamp: foot and shade)."""

    mesh: Mesh
    look: Look
    world_from_mesh: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    instance: int = 0  # 0: structure (floor, walls, ground); 1 and up: objects


@dataclass(frozen=True)
class Sky:
    """Light from everywhere: an equirectangular radiance map, (h, w, 3) float32 linear, row 0 at the zenith (+z).

    Column c looks towards ``(x, y) = (sin a, cos a)``, ``a = 2 pi (c + 0.5) / w``: +y at the left edge, then clockwise to +x.
    """

    radiance: NDArray[np.float32]


@dataclass(frozen=True)
class Sun:
    """A distant light: `direction` is the way the light travels (unit, world), `irradiance` linear RGB."""

    direction: tuple[float, float, float]
    irradiance: tuple[float, float, float]


@dataclass(frozen=True)
class Lamp:
    """A small invisible point light at `position` (metres) with linear RGB `intensity` (W/sr)."""

    position: tuple[float, float, float]
    intensity: tuple[float, float, float]


@dataclass(frozen=True)
class View:
    """Where a picture is taken from. A lens blur of `aperture_m` radius focused at `focus_m` is optional (0: pinhole)."""

    world_from_camera: NDArray[np.float64]
    fov_x_deg: float
    aperture_m: float = 0.0
    focus_m: float = 1.0


@dataclass(frozen=True)
class Move:
    """How one object travels through a film.

    Attributes:
        instance: of the things that move.
        world_from_start: (frames, 4, 4) rigid; in frame k its things stand at ``world_from_start[k] @ world_from_mesh``.
    """

    instance: int
    world_from_start: NDArray[np.float64]

    def is_moving(self, frame: int) -> bool:
        """Whether the object comes from elsewhere or goes elsewhere: its place differs in a neighbouring frame."""
        poses = self.world_from_start
        near = poses[max(frame - 1, 0) : frame + 2]
        return bool(np.abs(near - poses[frame]).max() > 1e-9)


@dataclass(frozen=True)
class Scene:
    """A whole world: what is in it, what lights it, and the views to take of it.

    With `moves` it is a film: view k is frame k.
    """

    name: str
    things: tuple[Thing, ...]
    lights: tuple[Sky | Sun | Lamp, ...]
    views: tuple[View, ...]
    moves: tuple[Move, ...] = ()


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float], roll_deg: float = 0.0) -> NDArray[np.float64]:
    """Return (4, 4) ``world_from_camera`` of a camera at `eye` that looks at `target`, z up, rolled clockwise by `roll_deg`."""
    forward = np.subtract(target, eye).astype(np.float64)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    a = np.deg2rad(roll_deg)
    pose = np.eye(4)
    pose[:3, 0] = np.cos(a) * right + np.sin(a) * down
    pose[:3, 1] = -np.sin(a) * right + np.cos(a) * down
    pose[:3, 2] = forward
    pose[:3, 3] = eye
    return pose
