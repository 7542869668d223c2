"""``leadline synth``: render synthetic worlds with exact truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

World = Literal["analytic", "rooms", "tabletop", "street", "terrain", "tom", "tom-held-out", "drive", "walk"]


def synth(
    world: World,
    /,
    *,
    out: Path,
    count: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 64,
    seed: int = 0,
    size: tuple[int, int] = (320, 240),
    views_per_scene: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 8,
    workers: int | None = None,
    samples: int = 4,
    stereo: bool = False,
    video: int = 0,
    fov: float | None = None,
    camera_height: float | None = None,
    opaque: bool = False,
    assets: Path | None = None,
    fetch_assets: bool = False,
) -> int:
    """Render views of a synthetic world into a folder; run again to resume or to add more.

    Each view has an sRGB picture, z-depth of the first surface in metres (glass and mirrors keep their own depth), normals,
    material, instance ids, sky and camera. `leadline data check` validates the folder.

    Parameters
    ----------
    world
        analytic needs only NumPy; the others render with Mitsuba 3 (pip install 'leadline[synth]').
    out
        Folder to write; whole scenes that are there already are kept.
    count
        Number of views in all.
    seed
        The same seed gives the same world.
    size
        Width and height in pixels.
    views_per_scene
        Views taken of each scene.
    workers
        Processes; by default one a core.
    samples
        Light paths a pixel; more is cleaner and slower.
    stereo
        Add a right view, pixel_disparity and occlusions.
    video
        Frames of a smooth camera path a scene, with poses, instead of separate views; drive and walk need it.
    fov
        Horizontal field of view of all views in degrees; by default each view or film has its own.
    camera_height
        Metres from the ground to the camera in drive and walk, one rig for all films; by default each film has its own.
    opaque
        Make glass and mirrors matte: the opaque twin of the same scenes, with the same truth.
    assets
        Folder with furniture and textures (see --fetch-assets); without it everything is procedural.
    fetch_assets
        First fetch furniture and textures from their packages into the --assets folder, recording each one's licence.
    """
    from leadline.cli.progress import say
    from leadline.data.synthetic.job import synthesize
    from leadline.data.synthetic.mitsuba_scene import find_llvm

    if world != "analytic" and not find_llvm():
        say("note: no LLVM from version 16 on was found, so rendering is many times slower (Debian: apt-get install libllvm19)")
    if fetch_assets:
        from leadline.data.synthetic.assets import fetch_assets as fetch
        from leadline.errors import LeadlineError

        if assets is None:
            raise LeadlineError("--fetch-assets without a folder: say where they go with --assets DIR")
        fetch(assets)
    report = synthesize(
        world, count, out, seed=seed, size=size, views_per_scene=views_per_scene, workers=workers, stereo=stereo,
        video=video, assets=assets, opaque=opaque, spp=samples, fov_deg=fov,
        camera_height=camera_height,
    )  # fmt: skip
    say(str(report))
    return 1 if report.failed else 0
