"""``leadline data check-video``: can this film teach depth? Found before the training, not after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from leadline.data.check import Report
from leadline.data.checks.film_motion import ASSUMED_FOV_DEG, FEWEST_POINTS, PARALLAX, FilmMotion, measure
from leadline.data.checks.finding import Finding
from leadline.data.checks.self_calibration import FocalFactor, focal_factor
from leadline.data.film import UNEVEN, FilmSource
from leadline.data.film_sources import VIDEO, VideoSource

MOST_FRAMES = 600
FEWEST_FRAMES = 3  # a target and a neighbour on either side
AT_REST = 0.002  # of the width a frame: what training leaves out (data.video.least_motion)
SLOW, FAST = 0.004, 0.08  # of the width a frame, median of what moves
_TURN = 0.1  # of the way that points moved: less is left of it than this when the camera only turned
_SOME, _MOST = 0.3, 0.9  # shares of frames from which on something is said, or is an error
_CROWD = 0.25  # share of points
_BRIGHTER, _STRIPES = 0.05, 0.03  # logarithms of brightness
_OFTEN = 0.1  # share of frames


def check_video(text: str, most: int = MOST_FRAMES) -> list[Report]:
    """Return a report of each film of a source.

    Args:
        text: a file, a folder, or anything that ``data.sources`` takes.
        most: frames to look at, from the beginning of each film.

    Raises:
        LeadlineError: there is no such film, or it can't be read.
    """
    source = VideoSource.parse(text if text.startswith(VIDEO) or "@" in text else _found(text))
    return [_report(film, most) for film in source.films()]


def _found(text: str) -> str:
    """Return the source of a plain path: a world of films, or a video or folder of frames."""
    from pathlib import Path

    from leadline.data.synthetic.layout import scene_folders

    path = Path(text.partition("::")[0])
    return text if path.is_dir() and scene_folders(path) else VIDEO + text


def _report(film: FilmSource, most: int) -> Report:
    motion = measure(film.frames(), most)
    focal = focal_factor(motion.pairs, motion.small) if motion.small is not None else None
    findings = [*_camera(motion, focal), *(finding for check in _CHECKS for finding in check(motion))]
    findings.sort(key=lambda finding: finding.level != "error")
    return Report(film.name, "film", motion.frames, motion.frames, _facts(motion, focal, film.notes), tuple(findings))


def _facts(motion: FilmMotion, focal: FocalFactor | None, notes: tuple[str, ...]) -> dict[str, str]:
    moved, parallax = _moved(motion), [s.parallax for s in motion.stretches]
    own_way = [s.own_way for s in motion.stretches if np.isfinite(s.own_way)]
    facts = {"picture size": f"{motion.hw[1]} x {motion.hw[0]}"}
    if motion.camera is not None:
        facts["horizontal field of view"] = f"{motion.camera.fov_deg[0]:.1f} degrees"
    if focal is not None:
        facts["field of view that fits the motion"] = "{:.0f} degrees, 90 % between {:.0f} and {:.0f}".format(
            *_fields_of_view(motion, focal)
        )
    if len(motion.times_s) > 1:
        facts["frames a second"] = f"{1 / np.median(np.diff(motion.times_s)):.3g}"
    if moved.size:
        facts["motion a frame"] = f"{100 * np.median(moved):.2f} % of the width (median)"
        facts["camera at rest"] = f"{np.mean(moved < AT_REST):.0%} of frames"
    if parallax:
        facts["parallax"] = f"{100 * np.median(parallax):.2f} % of the width (median of {len(parallax)} stretches)"
    if own_way:
        facts["points that move by themselves"] = f"{np.median(own_way):.0%} (median)"
    return facts | ({"camera": "; ".join(notes)} if notes else {})


def _length(motion: FilmMotion) -> Iterator[Finding]:
    if motion.frames < FEWEST_FRAMES:
        yield Finding(
            "too short", "error", "certain", f"{motion.frames} frame{'s' * (motion.frames != 1)}",
            f"at least {FEWEST_FRAMES} are needed, and hundreds to learn from; film while you walk",
        )  # fmt: skip


def _camera(motion: FilmMotion, focal: FocalFactor | None) -> Iterator[Finding]:
    if focal is not None:
        best, least, most = _fields_of_view(motion, focal)
    if motion.frames and motion.camera is None:
        estimate = (
            f"::fov={best:.0f}, which fits the film's own motion best" if focal is not None else "::fov=DEGREES, an estimate"
        )
        yield Finding(
            "unknown camera", "error", "certain", f"no intrinsics; {ASSUMED_FOV_DEG:g} degrees were assumed here",
            f"give ::K.txt or ::camera.json behind the source, or {estimate}",
        )  # fmt: skip
    elif motion.camera is not None and focal is not None and focal.wrong:
        yield Finding(
            "wrong intrinsics", "error", "likely",
            f"{focal.pairs} pairs of frames fit {focal.factor:.2f} times the focal length: a horizontal field of view of "
            f"{best:.0f} degrees ({least:.0f} to {most:.0f}), not {motion.camera.fov_deg[0]:.0f}",
            f"calibrate, and give the file behind ::, or try ::fov={best:.0f}; intrinsics belong to one size of the film",
        )  # fmt: skip


def _fields_of_view(motion: FilmMotion, focal: FocalFactor) -> tuple[float, float, float]:
    """Return the horizontal field of view that fits best, and the ends of its interval, in degrees."""
    assert motion.small is not None
    half_width = motion.small.width / (2 * motion.small.fx)
    best, most, least = (float(2 * np.degrees(np.arctan(half_width / f))) for f in (focal.factor, focal.low, focal.high))
    return best, least, most


def _texture(motion: FilmMotion) -> Iterator[Finding]:
    few = [step.points < FEWEST_POINTS for step in motion.steps]
    if few and np.mean(few) > _SOME:
        yield Finding(
            "too little to follow", "warning", "likely",
            f"{np.mean(few):.0%} of frames have fewer than {FEWEST_POINTS} points that can be found in the next",
            "use more light, a shorter exposure or scenes with texture",
        )  # fmt: skip


def _rest(motion: FilmMotion) -> Iterator[Finding]:
    moved = _moved(motion)
    share = float(np.mean(moved < AT_REST)) if moved.size else 0.0
    if share > _SOME:
        yield Finding(
            "camera at rest", "error" if share > _MOST else "warning", "likely",
            f"in {share:.0%} of frames points move by less than {100 * AT_REST:g} % of the width",
            "film while you walk or drive; frames at rest are left out of training and teach nothing",
        )  # fmt: skip


def _turns(motion: FilmMotion) -> Iterator[Finding]:
    moving = [s for s in motion.stretches if s.moved >= 2 * AT_REST]
    turns = [s.parallax < max(PARALLAX, _TURN * s.moved) for s in moving]
    share = float(np.mean(turns)) if turns else 0.0
    if share > _SOME:
        left = np.median([s.parallax / s.moved for s in moving])
        yield Finding(
            "camera only turns", "error" if share > _MOST else "warning", "likely",
            f"in {share:.0%} of {len(moving)} stretches a turn of the camera explains the picture; of the motion {left:.0%} is "
            "left (median)",
            "depth shows only where near things pass far ones: move sideways or forward, nearer to things",
        )  # fmt: skip


def _crowd(motion: FilmMotion) -> Iterator[Finding]:
    own_way = [s.own_way for s in motion.stretches if np.isfinite(s.own_way)]
    if own_way and np.median(own_way) > _CROWD:
        yield Finding(
            "much moves by itself", "warning", "likely",
            f"{np.median(own_way):.0%} of points (median of {len(own_way)} stretches) fit no motion of the camera",
            "film scenes that stand still; if they do, the intrinsics are wrong: calibrate, and give the file behind ::",
        )  # fmt: skip


def _exposure(motion: FilmMotion) -> Iterator[Finding]:
    gains = np.array([abs(step.gain) for step in motion.steps if np.isfinite(step.gain)])
    if gains.size and np.mean(gains > _BRIGHTER) > _OFTEN:
        yield Finding(
            "exposure that changes", "warning", "likely",
            f"in {np.mean(gains > _BRIGHTER):.0%} of frames the same points get brighter or darker by more than "
            f"{100 * _BRIGHTER:g} %, up to {100 * (np.exp(gains.max()) - 1):.0f} %",
            "lock the exposure: the loss compares brightness between neighbours",
        )  # fmt: skip
    rolling = np.array([step.rolling for step in motion.steps if np.isfinite(step.rolling)])
    if rolling.size and np.mean(rolling > _STRIPES) > _SOME:
        yield Finding(
            "stripes of brightness", "warning", "likely",
            f"in {np.mean(rolling > _STRIPES):.0%} of frames stripes of rows change their brightness differently, by "
            f"{100 * np.median(rolling):.1f} % (median): a shutter that rolls under lamps that flicker",
            "set the shutter to the mains (1/50 or 1/60 s, or twice that), or use daylight",
        )  # fmt: skip


def _rate(motion: FilmMotion) -> Iterator[Finding]:
    same = [step.same for step in motion.steps]
    if same and np.mean(same) > _OFTEN:
        yield Finding(
            "repeated frames", "warning", "certain", f"{sum(same)} of {len(same)} frames are the same as the one before",
            "the film was given a higher rate than it was taken with; repeats are left out of training",
        )  # fmt: skip
    moved = _moved(motion)
    moving = moved[moved >= AT_REST]
    if moving.size and np.median(moving) > FAST:
        yield Finding(
            "large steps", "warning", "likely", f"points move by {100 * np.median(moving):.1f} % of the width a frame (median)",
            "take more frames a second or move more slowly: a network finds no match so far away",
        )  # fmt: skip
    elif moving.size and np.median(moving) < SLOW:
        yield Finding(
            "small steps", "warning", "possible",
            f"points move by {100 * np.median(moving):.2f} % of the width a frame (median)",
            "set data.video.offsets=-2,2 or more: farther neighbours show more parallax",
        )  # fmt: skip
    steps = np.diff(motion.times_s)
    steps = steps[steps > 0]
    if len(steps) > 1 and steps.max() > UNEVEN * np.median(steps):
        yield Finding(
            "variable frame rate", "warning", "certain",
            f"{1000 * np.median(steps):.0f} ms between frames, up to {1000 * steps.max():.0f}",
            "does no harm to depth, since each pair has a motion of its own; film at a fixed rate for a path",
        )  # fmt: skip


_CHECKS: tuple[Callable[[FilmMotion], Iterator[Finding]], ...] = (
    _length, _texture, _rest, _turns, _crowd, _exposure, _rate,
)  # fmt: skip


def _moved(motion: FilmMotion) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([step.moved for step in motion.steps if np.isfinite(step.moved)], np.float64)
