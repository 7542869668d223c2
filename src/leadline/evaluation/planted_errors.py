"""What each training objective says of a prediction with one planted error: the numbers behind ``docs/losses.md``.

Truth is one analytic room and its stereo pair, drawn from a fixed seed, so nothing is read or downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from leadline.data.synthetic.analytic import make_stereo_pair
from leadline.losses.adversarial import content_congruency_loss, deception_loss, residual_transfer_loss
from leadline.losses.affine_invariant import ssi_mae_loss, ssi_mse_loss, ssi_trimmed_mae_loss
from leadline.losses.berhu import berhu_loss
from leadline.losses.depth4tom import virtual_label_loss
from leadline.losses.feature_alignment import feature_alignment_loss
from leadline.losses.gradient_matching import gradient_matching_loss, ssi_gradient_loss
from leadline.losses.log_error import eigen_fergus_loss, log_error_loss, log_gradient_loss
from leadline.losses.normal_cosine import depth_normal_cosine_loss, gradient_normal_cosine_loss
from leadline.losses.normalised_gradient import demon_gradient_loss, normalised_gradient_loss
from leadline.losses.photometric import photometric_loss
from leadline.losses.point_pairs import draw_pairs
from leadline.losses.pseudo_label import pseudo_label_loss
from leadline.losses.ranking import ranking_loss
from leadline.losses.regression import l1_loss, l2_loss, log_l1_loss
from leadline.losses.robust_ordinal import megadepth_ordinal_loss, robust_ordinal_loss
from leadline.losses.set_loss import set_consistency_loss
from leadline.losses.smoothness import edge_aware_smoothness_loss, second_order_smoothness_loss
from leadline.losses.ssi import ssi_loss
from leadline.losses.stereo_alignment import blur, left_from_right, left_right_consistency_loss, stereo_alignment_loss

P = TypeVar("P")

HW = (96, 128)
SEED = 0
PAIRS = 5000
EXACT, NOISE = "exact", "noise"
# What a response may lie above the exact prediction's and be called no more.
NOTHING = 1e-6


@dataclass(frozen=True, eq=False)
class Objective(Generic[P]):
    """One loss on one kind of prediction.

    Attributes:
        name: of the function, with what is special about the call.
        of: its value for a prediction.
        forgives: planted errors that cost no more than the exact prediction does.
    """

    name: str
    of: Callable[[P], Tensor]
    forgives: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Sheet(Generic[P]):
    """Objectives that take the same predictions.

    Attributes:
        name: of the family, also of its picture's file.
        title: over the picture.
        predictions: by what is wrong with them; the first is exact.
        picture: the (h, w) map or (h, w, 3) colours to show of a prediction.
        objectives: in the order of the page.
        unit: the prediction whose response is called 1.
    """

    name: str
    title: str
    predictions: Mapping[str, P]
    picture: Callable[[P], Tensor]
    objectives: tuple[Objective[P], ...]
    unit: str = NOISE

    def responses(self, objective: Objective[P]) -> dict[str, float]:
        """Return the objective's value for each prediction, as a multiple of its value for `unit`."""
        values = {error: objective.of(prediction).item() for error, prediction in self.predictions.items()}
        return {error: value / values[self.unit] for error, value in values.items()}


class Views(NamedTuple):
    """A prediction for a stereo pair: both disparities in pixels, (1, h, w), and the pictures, (1, 3, h, w) in 0..1."""

    left: Tensor
    right: Tensor
    left_picture: Tensor
    right_picture: Tensor


@cache
def _scene() -> tuple[Tensor, Views, Tensor]:
    """Return depth of the left view (1, h, w) in metres, the true views, and the intrinsics (1, 3, 3)."""
    pair = make_stereo_pair(SEED, hw=HW, baseline_m=0.2)
    assert pair.left.depth is not None
    assert pair.right.depth is not None
    assert pair.left.camera is not None
    depth, other = (torch.from_numpy(d.values.astype(np.float64))[None] for d in (pair.left.depth, pair.right.depth))
    left, right = (
        torch.from_numpy(s.image.astype(np.float64) / 255).permute(2, 0, 1)[None].contiguous() for s in (pair.left, pair.right)
    )
    factor = pair.left.camera.fx * pair.baseline_m
    intrinsics = torch.from_numpy(np.asarray(pair.left.camera.intrinsics, dtype=np.float64))[None]
    return depth, Views(factor / depth, factor / other, left, right), intrinsics


def planted(values: Tensor) -> dict[str, Tensor]:
    """Return (1, h, w) maps with one error each, of sizes that are shares of the map's range; all stay positive."""
    low, high = values.min(), values.max()
    spread = high - low
    unit = (values - low) / spread
    generator = torch.Generator().manual_seed(SEED)
    _, h, w = values.shape
    noise = 0.03 * spread * torch.randn(values.shape, generator=generator, dtype=values.dtype)
    wild = torch.rand(values.shape, generator=generator, dtype=values.dtype) < 0.02
    hole = values.clone()
    hole[:, h // 2 : h // 2 + h // 4, w // 4 : w // 4 + w // 5] = high
    ramp = torch.linspace(0, 0.3, w, dtype=values.dtype) * spread
    return {
        EXACT: values,
        "scale": 1.5 * values,
        "shift": values + 0.3 * spread,
        "curve": low + spread * unit.sqrt(),
        NOISE: (values + noise).clamp_min(0.05 * low),
        "outliers": torch.where(wild, low + 2 * spread, values),
        "hole": hole,
        "soft edges": blur(values[:, None], 2.0)[:, 0],
        "tilt": values + ramp,
        "upside down": low + high - values,
    }


def affine_sheet() -> Sheet[Tensor]:
    """Return the objectives that forgive a scale and a shift of disparity."""
    truth = _scene()[1].left
    valid = torch.ones_like(truth, dtype=torch.bool)
    both = ("scale", "shift")
    losses: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "ssi_mse_loss": ssi_mse_loss,
        "ssi_mae_loss": ssi_mae_loss,
        "ssi_trimmed_mae_loss": ssi_trimmed_mae_loss,
        "ssi_gradient_loss": ssi_gradient_loss,
        "ssi_loss": lambda p, t, v: ssi_loss(p, t, v)[0],
        "normalised_gradient_loss": normalised_gradient_loss,
        "pseudo_label_loss": pseudo_label_loss,
    }

    def against_truth(loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda p: loss(p, truth, valid)

    # A fitted scale may be negative; a tenth of the pixels is ignored.
    more = {"ssi_mse_loss": ("upside down",), "pseudo_label_loss": ("outliers", "hole")}
    return Sheet(
        "affine",
        "Relative disparity: scale and shift are free",
        planted(truth),
        _first,
        tuple(Objective(name, against_truth(loss), both + more.get(name, ())) for name, loss in losses.items()),
    )


def metric_sheet() -> Sheet[Tensor]:
    """Return the objectives in depth, its logarithm or its normals."""
    truth, _, intrinsics = _scene()
    valid = torch.ones_like(truth, dtype=torch.bool)

    def log_error(name: str) -> Callable[[Tensor], Tensor]:
        return lambda p: log_error_loss(p, truth, valid, name)

    scale, shift = ("scale",), ("shift",)
    return Sheet(
        "metric",
        "Depth: some forgive a scale or a shift, some nothing",
        planted(truth),
        _first,
        (
            Objective("l1_loss", lambda p: l1_loss(p, truth, valid)),
            Objective("l2_loss", lambda p: l2_loss(p, truth, valid)),
            Objective("berhu_loss", lambda p: berhu_loss(p, truth, valid)),
            Objective("log_l1_loss", lambda p: log_l1_loss(p, truth, valid)),
            Objective("silog_eigen", log_error("silog_eigen")),
            Objective("silog_variance", log_error("silog_variance"), scale),
            Objective("log_gradient_loss", lambda p: log_gradient_loss(p, truth, valid), scale),
            Objective("eigen_fergus_loss", lambda p: eigen_fergus_loss(p, truth, valid)),
            Objective("gradient_matching_loss", lambda p: gradient_matching_loss(p, truth, valid), shift),
            Objective("demon_gradient_loss", lambda p: demon_gradient_loss(1 / p, 1 / truth, valid), scale),
            Objective("depth_normal_cosine_loss", lambda p: depth_normal_cosine_loss(p, truth, valid, intrinsics), scale),
            Objective("gradient_normal_cosine_loss", lambda p: gradient_normal_cosine_loss(p, truth, valid), shift),
            Objective("virtual_label_loss", lambda p: virtual_label_loss(p, truth, valid)),
        ),
    )


def ordinal_sheet() -> Sheet[Tensor]:
    """Return the objectives that know an order of points only, on disparity."""
    truth = _scene()[1].left
    valid = torch.ones_like(truth, dtype=torch.bool)
    pairs = draw_pairs(truth, valid, torch.Generator().manual_seed(SEED), PAIRS)
    unequal = pairs._replace(valid=pairs.valid & (pairs.relation != 0))
    ordered = ("scale", "shift", "curve")
    return Sheet(
        "ordinal",
        "Pairs of points: which one is in front",
        planted(truth),
        _first,
        (
            Objective("ranking_loss", lambda p: ranking_loss(p, pairs), ordered),
            Objective("ranking_loss, unequal pairs", lambda p: ranking_loss(p, unequal), ordered),
            Objective("redweb_ranking_loss", lambda p: ranking_loss(p, pairs, easy_share=0.25), ordered),
            Objective("robust_ordinal_loss", lambda p: robust_ordinal_loss(p, pairs, near_is_large=True), ("scale",)),
            Objective(
                "megadepth_ordinal_loss",
                lambda p: megadepth_ordinal_loss(p, truth, valid, pairs, near_is_large=True)[0],
                ("scale",),
            ),
        ),
        unit="upside down",
    )


def views_sheet() -> Sheet[Views]:
    """Return the objectives that need a second view or a prior, and no truth."""
    truth = _scene()[1]
    valid = torch.ones_like(truth.left, dtype=torch.bool)
    nowhere, valid_pair = torch.zeros_like(valid), torch.stack([valid, valid], 1)
    errors = planted(truth.left)
    predictions = {
        EXACT: truth,
        "1 px off": truth._replace(left=truth.left + 1),
        "1 px off, both views": truth._replace(left=truth.left + 1, right=truth.right + 1),
        "constant": truth._replace(left=torch.full_like(truth.left, float(truth.left.mean()))),
        **{error: truth._replace(left=errors[error]) for error in (NOISE, "outliers", "hole", "soft edges")},
        "darker right picture": truth._replace(right_picture=0.8 * truth.right_picture),
    }

    def photometric(views: Views, ssim_share: float = 0.85, auto_mask: bool = False) -> Tensor:
        seen, there = left_from_right(views.right_picture, views.left, valid)
        sources = views.right_picture[None] if auto_mask else None
        return photometric_loss(views.left_picture, seen[None], there[None], sources, ssim_share=ssim_share)

    pictures = ("darker right picture",)
    return Sheet(
        "views",
        "A second view or a prior instead of truth",
        predictions,
        lambda v: v.left[0],
        (
            Objective("photometric_loss", photometric),
            Objective("photometric_loss, L1 only", lambda v: photometric(v, 0.0)),
            Objective("photometric_loss, auto-masked", lambda v: photometric(v, auto_mask=True)),
            Objective(
                "stereo_alignment_loss, left half",
                lambda v: stereo_alignment_loss(v.left_picture, v.right_picture, v.left, v.right, valid, nowhere),
                ("soft edges",),
            ),
            Objective(
                "left_right_consistency_loss", lambda v: left_right_consistency_loss(v.left, v.right, valid, valid), pictures
            ),
            Objective(
                "edge_aware_smoothness_loss",
                lambda v: edge_aware_smoothness_loss(v.left, v.left_picture, valid),
                (*pictures, "1 px off", "1 px off, both views", "constant", "soft edges"),
            ),
            Objective(
                "second_order_smoothness_loss",
                lambda v: second_order_smoothness_loss(v.left, valid),
                (*pictures, "1 px off", "1 px off, both views", "constant", "soft edges"),
            ),
            Objective(
                "set_consistency_loss",
                lambda v: set_consistency_loss(
                    torch.stack([v.left, truth.left + (v.right - truth.right).mean()], 1), valid_pair
                ),
                (*pictures, "1 px off, both views"),
            ),
        ),
    )


def features_sheet() -> Sheet[Tensor]:
    """Return the objectives between features; `content` is what the picture has, an adversary sees moments alone."""
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn((2, 12, 24, 32), generator=generator, dtype=torch.float64)
    frozen, other = (blur(each[None], 1.5) for each in noise)
    frozen, other = (each / each.norm(dim=1, keepdim=True) for each in (frozen, other))
    valid = torch.ones_like(frozen[:, 0], dtype=torch.bool)
    across = other - (other * frozen).sum(1, keepdim=True) * frozen
    across = across / across.norm(dim=1, keepdim=True)
    hole = frozen.clone()
    hole[..., 8:16, 8:16] = other[..., 8:16, 8:16]

    def moments(features: Tensor) -> Tensor:
        return torch.cat([features.mean((2, 3)), features.std((2, 3))], 1)

    def score(features: Tensor) -> Tensor:
        return 1 - (moments(features) - moments(frozen)).abs().sum(1)

    return Sheet(
        "features",
        "Features against those of a frozen network",
        {
            EXACT: frozen,
            "3 times longer": 3 * frozen,
            "cosine 0.9": 0.9 * frozen + (1 - 0.9**2) ** 0.5 * across,
            "cosine 0.5": 0.5 * frozen + (1 - 0.5**2) ** 0.5 * across,
            "hole": hole,
            "moved by half": frozen.roll((12, 16), (2, 3)),
        },
        lambda f: (f[0, :3] / 0.8 + 0.5).clamp(0, 1).permute(1, 2, 0),
        (
            Objective(
                "feature_alignment_loss", lambda f: feature_alignment_loss(f, frozen, valid), ("3 times longer", "cosine 0.9")
            ),
            Objective(
                "feature_alignment_loss, margin 1",
                lambda f: feature_alignment_loss(f, frozen, valid, 1.0),
                ("3 times longer",),
            ),
            Objective("content_congruency_loss", lambda f: content_congruency_loss(f, frozen, valid)),
            Objective("residual_transfer_loss", lambda f: residual_transfer_loss(f - frozen, valid)),
            Objective("deception_loss", lambda f: deception_loss(score(f)), ("moved by half",)),
        ),
        unit="cosine 0.5",
    )


def _first(values: Tensor) -> Tensor:
    return values[0]
