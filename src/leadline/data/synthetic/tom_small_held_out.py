"""Small glass and mirror things of the world `tom-held-out`: other shapes than those of `tom_small_train`."""

from __future__ import annotations

import numpy as np

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.objects import paint, put
from leadline.data.synthetic.scene import Thing
from leadline.data.synthetic.tom_parts import (
    SmallMaker,
    chrome,
    curve,
    faceted,
    filling,
    frame_look,
    part,
    rim,
    silver,
    solid_glass,
    uniform,
    upright,
)


def flute(rng: np.random.Generator) -> list[Thing]:
    """A tall narrow glass on a cone for a foot."""
    r, h = uniform(rng, 0.022, 0.032), uniform(rng, 0.15, 0.24)
    look = solid_glass(rng, 0.15)
    foot = s.lathe([(0, 0), (r * 1.3, 0), (0.004, h * 0.3), (0, h * 0.3)], 28)
    outline = curve([(0.005, 0), (r * 0.8, h * 0.25), (r, h * 0.7)])
    drink = put(filling(rng, outline, 0.0015), s.translation(0, 0, h * 0.3), 1)
    return [part(foot, look), part(s.vessel(outline, 0.0015, 32), look, z=h * 0.3), *drink]


def cocktail_glass(rng: np.random.Generator) -> list[Thing]:
    """A wide cone on a thin stem."""
    r, stem, bowl = uniform(rng, 0.045, 0.065), uniform(rng, 0.07, 0.11), uniform(rng, 0.04, 0.07)
    look = solid_glass(rng, 0.2)
    foot = s.lathe([(0, 0), (r * 0.7, 0), (r * 0.7, 0.002), (0.003, 0.006), (0.003, stem), (0, stem)], 28)
    outline = np.linspace((0.004, 0), (r, bowl), 8)
    drink = put(filling(rng, outline, 0.0015), s.translation(0, 0, stem), 1)
    return [part(foot, look), part(s.vessel(outline, 0.0015, 32), look, z=stem), *drink]


def cut_tumbler(rng: np.random.Generator) -> list[Thing]:
    """A heavy tumbler with flat facets."""
    r, h = uniform(rng, 0.035, 0.05), uniform(rng, 0.07, 0.11)
    outline = [(r * 0.85, 0), (r, h * 0.5), (r * 1.02, h)]
    return [part(faceted(s.vessel(outline, 0.006, int(rng.integers(6, 11)))), solid_glass(rng, 0.3))]


def square_decanter(rng: np.random.Generator) -> list[Thing]:
    """A square bottle with a glass ball for a stopper."""
    r, h = uniform(rng, 0.055, 0.075), uniform(rng, 0.14, 0.2)
    look = solid_glass(rng, 0.35)
    outline = [(r, 0), (r, h * 0.65), (r * 0.3, h * 0.78), (r * 0.3, h)]
    ball = part(s.sphere(r * 0.38, 24), look, z=h + r * 0.36)
    drink = [part(faceted(s.cylinder(r * 0.9, h * 0.4, segments=4)), paint(rng, ("earth", "vivid"), 1.0), z=0.008, yaw_deg=45)]
    return [part(faceted(s.vessel(outline, 0.004, 4)), look, yaw_deg=45), ball, *(drink if rng.random() < 0.5 else [])]


def beer_mug(rng: np.random.Generator) -> list[Thing]:
    """A mug of thick glass with a handle."""
    r, h = uniform(rng, 0.04, 0.055), uniform(rng, 0.11, 0.17)
    look = solid_glass(rng, 0.1)
    a = np.linspace(-1.4, 1.4, 14)
    handle = s.tube(np.c_[r * 0.97 + h * 0.3 * np.cos(a), 0 * a, h * 0.5 + h * 0.33 * np.sin(a)], 0.007, 10)
    outline = np.linspace((r * 0.95, 0), (r, h), 8)
    return [part(s.vessel(outline, 0.005, 14), look), part(handle, look), *filling(rng, outline, 0.005, 0.6)]


def amphora(rng: np.random.Generator) -> list[Thing]:
    """A vase with two bellies and a flared lip."""
    r, h = uniform(rng, 0.04, 0.08), uniform(rng, 0.2, 0.38)
    outline = curve([(r * 0.7, 0), (r, h * 0.2), (r * 0.45, h * 0.45), (r * 0.75, h * 0.65), (r * 0.3, h * 0.88), (r * 0.7, h)])
    return [part(s.vessel(outline, 0.004, 40), chrome(rng) if rng.random() < 0.15 else solid_glass(rng, 0.45))]


def six_sided_jar(rng: np.random.Generator) -> list[Thing]:
    """A honey jar with six flat sides."""
    r, h = uniform(rng, 0.035, 0.055), uniform(rng, 0.07, 0.13)
    body = faceted(s.vessel([(r, 0), (r, h * 0.85), (r * 0.8, h)], 0.003, 6))
    inside = faceted(s.cylinder(r * 0.9, h * uniform(rng, 0.3, 0.75), segments=6))
    lid = part(s.cylinder(r * 0.85, h * 0.14), paint(rng), z=h)
    return [part(body, solid_glass(rng, 0.1)), part(inside, paint(rng, ("earth", "vivid"), 1.0), z=0.004), lid]


def glass_teapot(rng: np.random.Generator) -> list[Thing]:
    """A round teapot of glass with a spout and a handle."""
    r = uniform(rng, 0.05, 0.075)
    look = solid_glass(rng, 0.1, 0.0)
    outline = curve([(r * 0.6, 0), (r, r * 0.8), (r * 0.75, r * 1.5), (r * 0.5, r * 1.6)])
    spout = s.tube([(r * 0.8, 0, r * 0.6), (r * 1.3, 0, r * 0.9), (r * 1.6, 0, r * 1.5)], [0.014, 0.01, 0.008], 12)
    a = np.linspace(-1.3, 1.3, 12)
    handle = s.tube(np.c_[-r * 0.85 - r * 0.5 * np.cos(a), 0 * a, r * 0.85 + r * 0.55 * np.sin(a)], 0.005, 8)
    things = [part(s.vessel(outline, 0.003, 36), look), part(spout, look), part(handle, look)]
    return [*things, *filling(rng, outline, 0.003, 0.6), part(s.sphere(0.012, 14), paint(rng), z=r * 1.65)]


def cloche(rng: np.random.Generator) -> list[Thing]:
    """A glass dome over something on a board."""
    r, h = uniform(rng, 0.07, 0.12), uniform(rng, 0.1, 0.28)
    a = np.linspace(0, np.pi / 2, 10)
    dome = np.c_[r * np.cos(a), h - r + r * np.sin(a)] if h > r else np.c_[r * np.cos(a), h * np.sin(a)]
    outer = np.vstack([[(r, 0)], dome]) if h > r else dome
    inner = np.c_[np.maximum(outer[::-1, 0] - 0.003, 0), np.maximum(outer[::-1, 1] - 0.003, 0)]
    shell = s.lathe(np.vstack([outer, inner]), 40)
    inside = part(s.blob(rng, (r * 0.5, r * 0.5, h * 0.3), 0.2, 20), paint(rng, ("vivid", "earth")), z=0.012 + h * 0.3)
    knob = part(s.sphere(0.012, 14), solid_glass(rng, 0.0, 0.0), z=h + 0.022)
    return [part(shell, solid_glass(rng, 0.0, 0.0), z=0.012), part(s.cylinder(r * 1.15, 0.012), frame_look(rng)), inside, knob]


def pyramid(rng: np.random.Generator) -> list[Thing]:
    """A pyramid or a prism of solid glass."""
    r = uniform(rng, 0.035, 0.08)
    if rng.random() < 0.5:
        return [part(faceted(s.cone(r, r * uniform(rng, 1, 1.8), segments=int(rng.integers(3, 6)))), solid_glass(rng, 0.4))]
    lying = s.transformed(s.extrude([(-r * 0.6, 0), (r * 0.6, 0), (0, r)], r * 3), s.rotation((1, 0, 0), 90))
    return [part(lying, solid_glass(rng, 0.2), y=r * 1.5)]


def polished_egg(rng: np.random.Generator) -> list[Thing]:
    """A ball, egg or ring of polished metal."""
    r, look = uniform(rng, 0.03, 0.08), chrome(rng)
    if rng.random() < 0.3:
        ring = s.transformed(s.torus(r, r * 0.28, 48), s.translation(0, 0, r * 1.28) @ s.rotation((1, 0, 0), 90))
        return [part(ring, look)]
    k = uniform(rng, 1.0, 1.5)
    return [part(s.transformed(s.sphere(r, 40), s.scaling(1, 1, k)), look, z=r * k)]


def espresso_pot(rng: np.random.Generator) -> list[Thing]:
    """A polished pot with eight sides and a waist."""
    r, h = uniform(rng, 0.035, 0.05), uniform(rng, 0.14, 0.2)
    profile = [(0, 0), (r, 0), (r * 0.75, h * 0.5), (r * 1.05, h * 0.95), (0, h)]
    handle = s.tube([(r * 0.9, 0, h * 0.9), (r * 1.9, 0, h * 0.85), (r * 1.7, 0, h * 0.5)], 0.007, 8)
    return [part(faceted(s.lathe(profile, 8)), chrome(rng)), part(handle, paint(rng, "dark"))]


def oval_tray(rng: np.random.Generator) -> list[Thing]:
    """An oval plate of polished metal or mirror glass."""
    r, look = uniform(rng, 0.1, 0.18), chrome(rng) if rng.random() < 0.5 else silver(rng)
    dish = s.vessel([(r * 0.93, 0), (r, 0.012)], 0.003, 48)
    return [part(s.transformed(dish, s.scaling(1, uniform(rng, 0.55, 0.75), 1)), look)]


def vanity_mirror(rng: np.random.Generator) -> list[Thing]:
    """An arched mirror on a round foot."""
    r, h = uniform(rng, 0.06, 0.1), uniform(rng, 0.06, 0.14)
    a = np.linspace(0, np.pi, 18)
    outline = np.vstack([[(-r, 0), (r, 0)], np.c_[r * np.cos(a), h + r * np.sin(a)]])
    lift, look = uniform(rng, 0.04, 0.1), frame_look(rng)
    up = s.translation(0, 0, lift) @ s.rotation((1, 0, 0), -uniform(rng, 0, 18))
    return [
        Thing(upright(outline, 0.004), silver(rng), up, 1),
        Thing(rim(outline, 0.006), look, up, 1),
        part(s.cylinder(r * 0.7, 0.01), look),
        part(s.cylinder(0.006, lift), look),
    ]


SMALL: dict[str, SmallMaker] = {
    "flute": flute,
    "cocktail_glass": cocktail_glass,
    "cut_tumbler": cut_tumbler,
    "square_decanter": square_decanter,
    "beer_mug": beer_mug,
    "amphora": amphora,
    "six_sided_jar": six_sided_jar,
    "glass_teapot": glass_teapot,
    "cloche": cloche,
    "pyramid": pyramid,
    "polished_egg": polished_egg,
    "espresso_pot": espresso_pot,
    "oval_tray": oval_tray,
    "vanity_mirror": vanity_mirror,
}
