"""UniDepth's comparison: metres as they are, and after a scale, or a scale and a shift, fitted in depth."""

from __future__ import annotations

from dataclasses import replace

from leadline.evaluation.protocol import Crop, Protocol

_SETS: tuple[tuple[str, str, tuple[str, ...], tuple[Crop, ...], float], ...] = (
    ("kitti", "KITTI", ("kitti_depth", "kitti_eigen", "kitti_semidense"), ("garg",), 80.0),
    ("nyu", "NYUv2", ("nyu_labelled", "nyu_test", "nyu_png"), ("eigen_nyu",), 10.0),
)


def _unidepth(name: str, title: str, datasets: tuple[str, ...], crop: tuple[Crop, ...], cap_m: float) -> tuple[Protocol, ...]:
    raw = Protocol(
        name=f"unidepth-raw-{name}",
        title=f"UniDepth on {title}, metres as they are",
        datasets=datasets,
        source="arXiv 2403.18913, section 4.1, and lpiccinelli-eth/UniDepth, unidepth/utils/evaluation_depth.py",
        notes="their silog is the sample deviation (n - 1) times 100, the same to five digits. The crops are those usual for "
        "the sets, not read in their code",
        space="none",
        solver="none",
        crop=crop,
        cap_m=cap_m,
        clamp="positive",
        metrics=("delta1", "delta2", "delta3", "rmse", "rmse_log", "abs_rel", "sq_rel", "log10", "silog"),
    )
    si = replace(
        raw,
        name=f"unidepth-si-{name}",
        title=f"UniDepth on {title}, a scale fitted in depth",
        notes=f"{raw.notes}. The released file has no scale-only fit: the ratio of the medians stands for it",
        space="depth",
        solver="median_scale",
    )
    ssi = replace(
        raw,
        name=f"unidepth-ssi-{name}",
        title=f"UniDepth on {title}, scale and shift fitted in depth",
        notes=f"{raw.notes}. As there, the 5 % of pixels where the prediction is most wrong before the fit are left out of it",
        space="depth",
        solver="scale_shift",
        fit_on="least_wrong_95_percent",
    )
    clouds = replace(
        raw,
        name=f"unidepth-3d-{name}",
        title=f"UniDepth on {title}, point clouds of metres as they are",
        source="arXiv 2403.18913, section 4.1: F_A and chamfer",
        notes=f"both clouds with the true camera, of the pixels that count; areas to a twentieth of the cap, {cap_m / 20:g} m",
        metrics=(f"f_auc_{cap_m / 20:g}", "chamfer"),
    )
    return raw, si, ssi, clouds


PROTOCOLS = tuple(protocol for entry in _SETS for protocol in _unidepth(*entry))
