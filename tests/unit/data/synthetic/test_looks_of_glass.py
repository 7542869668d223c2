"""What glass and mirrors do to light, in closed form: before a white sky each look has one known brightness."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.data.synthetic.denoise import Guide, denoise
from leadline.data.synthetic.render import Renderer
from leadline.data.synthetic.scene import TRANSPARENT_KINDS, Look, LookKind, Material, Scene, Sky, Thing, View, look_at
from leadline.data.synthetic.shapes import translation, wall

SIZE = (32, 24)
COLOUR = (0.2, 0.4, 0.6)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    pytest.importorskip("mitsuba", reason="Mitsuba is not installed (pip install 'leadline[synth]')")
    return Renderer(spp=16, threads=1)


def _brightness(renderer: Renderer, kind: LookKind, roughness: float = 0.1) -> np.ndarray:
    """Mean colour of a sheet that fills the picture, under a sky of radiance 1 all around."""
    sheet = Thing(wall(20, 20), Look(kind, COLOUR, roughness=roughness), translation(0, 1, -10), 1)
    view = View(look_at((0, 0, 0), (0, 1, 0)), 30.0)
    (out,) = renderer.render(Scene(kind, (sheet,), (Sky(np.ones((4, 8, 3), np.float32)),), (view,)), SIZE)
    assert (out.instance == 1).all()
    return np.asarray(out.radiance.reshape(-1, 3).mean(0))


def test_tinted_glass_lets_its_colour_through_and_reflects_eight_per_cent(renderer: Renderer) -> None:
    """Fresnel's r = 0.04 at index 1.5, thrown to and fro inside the pane: 2 r / (1 + r) comes back, the rest passes."""
    back = 2 * 0.04 / 1.04
    np.testing.assert_allclose(_brightness(renderer, "tinted_glass"), back + (1 - back) * np.array(COLOUR), atol=0.02)


def test_thin_glass_takes_the_hue_alone(renderer: Renderer) -> None:
    """Its brightest channel passes whole: it is clear, however dark its colour (not so tinted glass)."""
    assert _brightness(renderer, "thin_glass")[2] == pytest.approx(1.0, abs=0.02)


def test_chrome_mirrors_in_its_colour_and_a_mirror_in_silver(renderer: Renderer) -> None:
    np.testing.assert_allclose(_brightness(renderer, "chrome"), COLOUR, atol=0.01)
    np.testing.assert_allclose(_brightness(renderer, "mirror"), 0.94, atol=0.01)


def test_frosted_glass_neither_swallows_nor_makes_light(renderer: Renderer) -> None:
    got = _brightness(renderer, "frosted_glass", 0.2)
    assert (got > 0.15).all()
    assert (got < 1.01).all()
    assert got[0] < got[1] < got[2]


def test_the_class_of_every_look_is_known() -> None:
    for kind in TRANSPARENT_KINDS:
        assert Look(kind).material == Material.TRANSPARENT
    assert Look("mirror").material == Look("chrome").material == Material.MIRROR
    plain: tuple[LookKind, ...] = ("diffuse", "plastic", "metal", "light")
    assert {Look(kind).material for kind in plain} == {Material.OPAQUE}


def test_the_sky_behind_a_pane_is_smooth_and_as_bright_as_before() -> None:
    """One path in twelve is thrown back by the pane into a dark room; unmended, that is pepper over every window."""
    rng = np.random.default_rng(0)
    hw = (48, 64)
    samples = np.where(rng.random(hw) < 1 / 12, 0.0, 1.0).astype(np.float32) * np.ones((3, 1, 1), np.float32)
    pane = np.zeros(hw, bool)
    pane[:, 32:] = True
    nothing = np.zeros((3, *hw), np.float32)
    guide = Guide(nothing, nothing, nothing, nothing[0], np.ones(hw, bool), pane)
    out = denoise(samples, guide)
    left, right = out[:, :16], out[:, 16:]
    assert right.std() < 0.4 * left.std()
    assert right.mean() == pytest.approx(11 / 12, abs=0.02)
    before = samples[0].reshape(24, 2, 32, 2).mean((1, 3))
    np.testing.assert_allclose(left[..., 0], before[:, :16], rtol=1e-5)  # open sky has no noise and stays as it is
