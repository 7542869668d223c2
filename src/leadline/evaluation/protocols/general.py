"""Protocols for any data set: a range of depth and a fit, nothing else."""

from __future__ import annotations

from leadline.evaluation.protocol import USUAL_METRICS, Protocol

_ROOMS_TO_STREETS_M = (8.0, 10.0, 20.0, 80.0)


def disparity_scale_shift(cap_m: float) -> Protocol:
    """Return MiDaS's evaluation with a cap of one's choice: scale and shift fitted to each image in disparity.

    Args:
        cap_m: farthest depth that counts, and 1 / the smallest disparity that is compared.
    """
    return Protocol(
        name=f"disparity-scale-shift-{cap_m:g}m",
        title=f"scale and shift fitted in disparity, {cap_m:g} m",
        cap_m=cap_m,
        source="MiDaS, arXiv 1907.01341, section 6",
    )


def _in_depth(cap_m: float) -> tuple[Protocol, ...]:
    return (
        Protocol(
            name=f"depth-scale-shift-{cap_m:g}m",
            title=f"scale and shift fitted in depth, {cap_m:g} m",
            cap_m=cap_m,
            space="depth",
            clamp="range",
        ),
        Protocol(
            name=f"median-scale-{cap_m:g}m",
            title=f"the ratio of the medians fitted in depth, {cap_m:g} m",
            cap_m=cap_m,
            space="depth",
            solver="median_scale",
            clamp="range",
            resize_as="disparity",
            source="Zhou et al. 2017, arXiv 1704.07813",
        ),
        Protocol(
            name=f"log-scale-{cap_m:g}m",
            title=f"the mean ratio fitted in the logarithm of depth, {cap_m:g} m",
            cap_m=cap_m,
            space="log_depth",
            solver="mean_shift",
            clamp="range",
            metrics=(*USUAL_METRICS, "si_rmse"),
            source="Eigen et al. 2014, arXiv 1406.2283, eq. 1",
        ),
        Protocol(
            name=f"metric-{cap_m:g}m",
            title=f"metres as they are, {cap_m:g} m",
            cap_m=cap_m,
            space="none",
            solver="none",
            clamp="range",
            metrics=(*USUAL_METRICS, "mae"),
        ),
    )


PROTOCOLS = (
    *map(disparity_scale_shift, _ROOMS_TO_STREETS_M),
    *(protocol for cap_m in (10.0, 80.0) for protocol in _in_depth(cap_m)),
)
