"""What the issue claims of films without truth, beside what was measured: each verdict counts seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.recipes.studies.page import signed
from leadline.recipes.studies.self_supervised import (
    ABLATED,
    ALIGNMENT,
    DDVO,
    DDVO_LONGER,
    DDVO_REFINED,
    GEONET_FLOW,
    MONODEPTH2,
    REAL,
    SEMI,
    TRUTH,
    SelfArm,
)

Values = NDArray[np.float64]
ABS_REL = ("depth", "all", "abs_rel")
NOT_RUN = "not run"


class Scores(Protocol):
    """Numbers of arms and seeds, see `leadline.recipes.studies.self_supervised_page.SelfScores`."""

    def seeds(self, *arms: SelfArm) -> list[int]:
        """Return the seeds that all of the arms have."""
        ...

    def of(self, arm: SelfArm, *keys: str, seeds: Sequence[int] | None = None) -> Values:
        """Return (seeds,) numbers."""
        ...


def claims(scores: Scores) -> list[list[str]]:
    """Return rows of a claim, the difference that was measured, and in how many seeds it holds.

    A claim says that one number is less than another: errors all of them.
    """
    baseline, *parts = ABLATED[:-1]
    minimum, *weaker = parts
    rows = [_arms(scores, f"{part.title} beats the baseline", part, baseline) for part in (*parts, MONODEPTH2)]
    rows += [_arms(scores, f"all parts together beat {part.title}", MONODEPTH2, part) for part in parts]
    rows += [_arms(scores, f"the minimum beats {part.title}", minimum, part) for part in weaker]
    rows.append(_order(scores))
    for part, what in (("moving", "moving objects"), ("still", "what stands still")):
        full, rigid = ("flow", "full", part, "epe"), ("flow", "rigid", part, "epe")
        rows.append(_within(scores, f"GeoNet's full flow beats its rigid flow on {what} (EPE, px)", GEONET_FLOW, full, rigid))
    for arm in (DDVO, DDVO_REFINED):
        for key, unit in (("ate", "ATE, m"), ("rotation_deg", "rotation, degrees")):
            after, before = ("motions", "after", key), ("motions", "before", key)
            rows.append(_within(scores, f"{arm.title}: odometry refines its motion ({unit})", arm, after, before))
            given = ("motions", "true_depth", key)
            rows.append(_within(scores, f"{arm.title}: it does with the true depth ({unit})", arm, given, before))
    for kind, said in (
        ("robust", "robust odometry refines its motion"),
        ("robust_true", "robust odometry does, given the true depth"),
    ):
        for key, unit in (("ate", "ATE, m"), ("ate_median", "median ATE, m"), ("rotation_deg", "rotation, degrees")):
            after, before = ("motions", kind, key), ("motions", "before", key)
            rows.append(_within(scores, f"{DDVO.title}: {said} ({unit})", DDVO, after, before))
    rows.append(_arms(scores, "DDVO's depth is better with odometry than learnt on as before", DDVO_REFINED, DDVO_LONGER))
    for better, worse in ((SEMI, TRUTH), (TRUTH, ALIGNMENT)):
        rows.append(_arms(scores, f"{better.title} beats {worse.title.removeprefix('Kuznietsov, ')}", better, worse))
    for arm in (MONODEPTH2, *REAL):
        for control in ("untrained", "constant"):
            said = f"{arm.title}{' on the drive' if arm is MONODEPTH2 else ''} beats the {control} control"
            rows.append(_within(scores, said, arm, ABS_REL, ("controls", control, "all", "abs_rel")))
    return rows


def held(differences: Values) -> str:
    """Return in how many seeds a difference is negative, as the page says it; ties don't count."""
    count = int((differences < 0).sum())
    plural = "s" * (differences.size != 1)
    return (
        f"{'yes, ' if count == differences.size else 'no, ' if not count else ''}in {count} of {differences.size} seed{plural}"
    )


def _arms(scores: Scores, claim: str, better: SelfArm, worse: SelfArm) -> list[str]:
    """Compare AbsRel of two arms, the same seeds."""
    seeds = scores.seeds(better, worse)
    return _row(claim, scores.of(better, *ABS_REL, seeds=seeds) - scores.of(worse, *ABS_REL, seeds=seeds))


def _within(scores: Scores, claim: str, arm: SelfArm, better: tuple[str, ...], worse: tuple[str, ...]) -> list[str]:
    """Compare two numbers of an arm."""
    seeds = scores.seeds(arm)
    return _row(claim, scores.of(arm, *better, seeds=seeds) - scores.of(arm, *worse, seeds=seeds))


def _row(claim: str, differences: Values) -> list[str]:
    known = differences[np.isfinite(differences)]
    return [claim, signed(known), held(known)] if known.size else [claim, NOT_RUN, NOT_RUN]


def _order(scores: Scores) -> list[str]:
    """Judge the published order: the baseline worst, all parts best, the minimum second."""
    claim = "the whole published order: all, minimum, then auto-mask and full resolution, baseline"
    seeds = scores.seeds(*ABLATED)
    if not seeds:
        return [claim, NOT_RUN, NOT_RUN]
    values = {arm.name.removeprefix("monodepth2-"): scores.of(arm, *ABS_REL, seeds=seeds) for arm in ABLATED}
    others = np.stack([values["auto-mask"], values["full-res"]])
    # The largest step in the wrong direction: negative where every step is in the right one.
    worst = np.max(
        [values["all"] - values["min"], values["min"] - others.min(0), others.max(0) - values["baseline"]],
        axis=0,
    )
    return _row(claim, worst)
