"""``leadline odometry``: the camera's path through a film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def odometry(
    model: Path,
    source: str,
    /,
    *,
    out: Path,
    format_: Annotated[Literal["kitti", "tum"], Parameter(name="--format")] = "kitti",
    fps: float | None = None,
    truth: Path | None = None,
    align: Literal["none", "rigid", "scale", "similarity"] = "similarity",
    cache: Path = Path("cache"),
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Write the camera's path through a film, by the pose network that learnt with the depth (needs 'leadline[train]').

    Without a stereo partner in training the path has no unit; with --truth it is aligned, and ATE and RPE say how far off
    it is.

    Example: leadline odometry runs/monodepth2 video:walk.mp4::K.txt --out walk.txt --truth poses.txt

    Parameters
    ----------
    model
        A run or checkpoint of monodepth2, sfmlearner, ddvo or geonet.
    source
        A film, as `data.sources` of their training takes it.
    out
        The file to write: world_from_camera of every frame, the first at the origin.
    format_
        kitti: twelve numbers a line; tum: time, place and quaternion.
    fps
        Frames a second, for the times of tum; without it a frame's time is its number.
    truth
        The true path, in either format, or a rendered film's camera.json.
    align
        What the path may be changed by before it is compared.
    cache
        Folder of decoded films.
    json
        Print one JSON object.
    """
    from dataclasses import asdict
    from json import dumps

    from leadline.errors import LeadlineError
    from leadline.io.trajectory import read_trajectory, write_trajectory
    from leadline.metrics.trajectory import from_first, path_errors
    from leadline.training.odometry import path_by_checkpoint

    if fps is not None and not fps > 0:
        raise LeadlineError(f"--fps {fps:g}: expected a positive number of frames a second")
    true = read_trajectory(truth).poses if truth is not None else None
    poses, unit = path_by_checkpoint(model, source, cache)
    if true is not None and len(true) != len(poses):
        raise LeadlineError(f"{truth} has {len(true)} poses, the film {len(poses)} frames: expected one for each frame")
    times = [i / (fps or 1.0) for i in range(len(poses))]
    write_trajectory(out, poses, format_, times)
    errors = path_errors(poses, from_first(true), align) if true is not None else None
    if json:
        print(dumps({"out": str(out), "frames": len(poses), "unit": unit, **({"errors": asdict(errors)} if errors else {})}))
        return 0
    print(f"{out}: {len(poses)} poses, {'metres' if unit == 'm' else 'no unit'}")
    if errors is not None:
        ate = f"ATE {errors.ate_rmse:.4g} (RMS; mean {errors.ate_mean:.4g}, worst {errors.ate_max:.4g})"
        rpe = f"RPE {errors.rpe_rmse:.4g} and {errors.rpe_rotation_rmse_deg:.3g} degrees a frame"
        print(f"{ate}, {rpe}, after alignment by {align} (scale {errors.scale:.5g})")
    return 0
