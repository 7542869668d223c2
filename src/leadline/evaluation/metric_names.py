"""The metrics that a protocol can name, and which kind of comparison each is.

| names | what is compared |
| --- | --- |
| ``abs_rel``, ``delta1``, ``delta_1.05``, ``silog``, ... | depth at the pixels that count (`leadline.metrics.depth`) |
| ``epe``, ``rms``, ``d1``, ``bad_2``, ``missing`` | stereo disparity at the pixels that count (`leadline.metrics.stereo`) |
| ``boundary_f1`` | the whole aligned depth (`leadline.metrics.boundary`); class "all" only |
| ``ssim/INPUTS``, with ``/edges`` or ``/interiors`` | the prediction before the fit (`leadline.metrics.structural`) |
| ``normal_mean``, ``normal_11.25``, ... | normals of the whole aligned depth (`leadline.metrics.normals`); class "all" only |
| ``chamfer``, ``f_score_0.05``, ``f_auc_4``, ... | clouds of the same (`leadline.metrics.points`); class "all" only |
| ``whdr``, ``pair_accuracy`` | pairs of points (`leadline.metrics.ordinal`); classes are the scene types |
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from leadline.errors import LeadlineError
from leadline.metrics.log_error import LOG_ERRORS

Family = Literal["depth", "stereo", "boundary", "ssim", "normals", "clouds", "order"]

NUMBER = r"\d+(?:\.\d+)?"
_FAMILIES: dict[Family, str] = {
    "depth": rf"abs_rel|sq_rel|rmse|rmse_log|log10|mae|{'|'.join(LOG_ERRORS)}|delta[123]|delta_{NUMBER}",
    "stereo": rf"epe|rms|d1|bad_{NUMBER}|missing",
    "boundary": r"boundary_f1",
    "ssim": r"ssim/[^/]+/[^/]+(?:/edges|/interiors)?",
    "normals": rf"normal_mean|normal_median|normal_rmse|normal_{NUMBER}",
    "clouds": rf"accuracy|completeness|chamfer|(?:precision|recall|f_score|f_auc)_{NUMBER}",
    "order": r"whdr|pair_accuracy",
}


@lru_cache(maxsize=256)
def family_of(metric: str) -> Family:
    """Return which kind of comparison a metric is.

    Raises:
        LeadlineError: there is no such metric.
    """
    for family, pattern in _FAMILIES.items():
        if re.fullmatch(pattern, metric):
            return family
    raise LeadlineError(f"unknown metric {metric!r} in a protocol: expected a name of leadline.evaluation.metric_names")
