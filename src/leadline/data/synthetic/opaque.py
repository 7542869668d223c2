"""The opaque twin of a scene: glass and mirrors become matte, and nothing else changes, so its truth is the same.

A network trained on opaque twins has never seen through a surface, nor into one.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np

from leadline.data.synthetic.objects import paint
from leadline.data.synthetic.scene import Look, Material, Scene, Thing
from leadline.data.synthetic.textures import surface

_BRUSHED = 0.12  # microfacet alpha
_COVERS = ("wall", "wood", "fabric", "picture", "stone", "label")


def matte(things: Sequence[Thing], rng: np.random.Generator, keep: Container[int] = ()) -> list[Thing]:
    """Return things with a dull look in the place of each transparent or mirroring one; looks whose id is in `keep` stay.

    Metal so polished that it mirrors, though its class is opaque, is brushed.
    """
    dull: dict[int, Look] = {}
    out = []
    for thing in things:
        look = thing.look
        if id(look) in keep or (look.material == Material.OPAQUE and (look.kind != "metal" or look.roughness >= _BRUSHED)):
            out.append(thing)
            continue
        if look.kind == "metal":
            out.append(replace(thing, look=dull.setdefault(id(look), replace(look, roughness=_BRUSHED))))
            continue
        if id(look) not in dull:
            patterned = rng.random() < 0.45 and thing.mesh.uv is not None
            dull[id(look)] = surface(rng, str(rng.choice(_COVERS)), 128).look if patterned else paint(rng, gloss=0.0)
        new = dull[id(look)]
        if thing.mesh.uv is None and new.texture is not None:
            new = paint(rng, gloss=0.0)
        out.append(replace(thing, look=new if new.kind == "diffuse" else replace(new, kind="diffuse")))
    return out


def opaque_twin(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene without a transparent or mirroring surface: the same shapes, objects, lights and views."""
    return replace(scene, name=f"{scene.name}/opaque", things=tuple(matte(scene.things, rng)))
