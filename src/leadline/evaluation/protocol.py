"""How a prediction becomes a score; a score never travels without it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from leadline.errors import LeadlineError
from leadline.evaluation.classes import Classes
from leadline.evaluation.metric_names import family_of

Space = Literal["disparity", "depth", "log_depth", "pixel_disparity", "order", "none"]
Solver = Literal["none", "scale_shift", "scale", "median_scale", "mean_shift", "robust_scale", "robust_scale_shift"]
FitOn = Literal["all", "grid_64", "least_wrong_95_percent"]
FitWeight = Literal["none", "inverse_depth"]
Normalise = Literal["none", "min_max"]
Crop = Literal["garg", "eigen_kitti", "eigen_nyu", "kitti_benchmark", "make3d_centre"]
Bounds = Literal["inclusive", "exclusive"]
Clamp = Literal["disparity_floor", "disparity_floor_farthest_truth", "range", "range_published", "range_before_fit", "positive"]
Resize = Literal["bilinear", "bilinear_corners", "nearest", "cubic", "area", "bilinear_written_as_cubic", "refuse"]
Averaging = Literal["per_image", "pooled"]

USUAL_METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog", "delta1", "delta2", "delta3")
SOLVERS_WITH_SHIFT = ("scale_shift", "robust_scale_shift")
# What tells a reader about a protocol and changes no number: left out of the fingerprint.
_TOLD = ("title", "datasets", "source", "notes")


@dataclass(frozen=True)
class Protocol:
    """All that decides how predictions are compared with truth, as data.

    The order of the steps is fixed: truth is cut to `score_hw` and to the pixels that count; the prediction is turned into the
    quantity of `space` and resized; scale and shift are fitted over all pixels that count, never per class; the aligned
    prediction is clamped and turned into depth; each class of pixels is scored by each metric; images are averaged.

    Attributes:
        name, version: how users name it; the version grows when a field changes.
        title: one line.
        datasets: the names of the data sets that it is meant for; others may be scored, and are told apart by name.
        source: where the definition was read: paper, equation, file of the authors' code.
        notes: departures from the source, and why.
        space: the quantity in which prediction and truth are fitted. "disparity": 1/z. "depth": z. "log_depth": ln z.
            "none": metres as they are, without a fit. "pixel_disparity": stereo pixels, compared as they are. "order": only
            who is closer. A disparity of unknown shift is never fitted in depth: such a prediction is refused.
        solver: one fit for each image. "scale_shift" and "scale": least squares. "median_scale": the ratio of the medians.
            "mean_shift": the mean difference, in log_depth a scale (Eigen et al. 2014, eq. 1). "robust_*": exact weighted L1.
            "none": no fit; in depth, for metrics that are free of the scale.
        fit_on: "all" pixels that count; "grid_64": MoGe's 64 x 64 nearest valid pixels; "least_wrong_95_percent": UniDepth's,
            without the 5 % of pixels where the prediction as it is differs most from the truth.
        fit_weight: "inverse_depth" weighs each pixel of the fit by 1/z of the truth.
        normalise: "min_max" maps the prediction's range over the valid pixels to 0..1 before the fit (Booster).
        crop: parts of the picture that count, each cut out of the one before (`leadline.evaluation.crops`).
        nearest_m, cap_m: true depths between them count; None for no cap. Truth without a unit is scaled so that its farthest
            pixel is at depth 1, and the cap is then 1.
        bounds: whether depths equal to `nearest_m` and `cap_m` count.
        clamp: "disparity_floor": the aligned disparity is at least 1/cap. "disparity_floor_farthest_truth": at least the
            smallest true one. "range": depth within nearest..cap after the fit, a disparity of 0 or less being farthest.
            "range_published": the same where a negative disparity becomes the nearest depth, as a division and a clip make it.
            "range_before_fit": the prediction's depth is brought into the range before the fit, and after it too.
            "positive": only at least `nearest_m`, without which ratios mean nothing.
        resize: how the side that is resized is resampled. "bilinear_corners": corner pixels' centres meet (align_corners).
            "bilinear_written_as_cubic": bilinear, because the authors passed OpenCV's flag for cubic in the wrong place.
            "refuse": another size is a failure.
        resized: the side; truth is resampled to the nearest pixel whatever `resize` says.
        resize_as: the quantity in which a prediction is resampled: that of the fit, or disparity or depth where they differ.
        score_hw: size at which is compared, truth resampled to the nearest pixel; None for the truth's own.
        compared: what the depth metrics get: depth, or its inverse (AbsRel and RMSE differ, delta does not).
        averaging: "per_image": metrics of an image, then the mean over images. "pooled": sums over the pixels of all images.
        min_valid_pixels: images with fewer pixels that count are not scored, and are listed as skipped.
        holes: pixels that count without a prediction. "fail_image": the image failed. "wrong": each is a wrong pixel (stereo).
        negative_scale: a fit that turns the prediction upside down is kept and counted.
        failure: an image without a usable prediction is scored as if the nearest depth were predicted everywhere (AbsRel about
            1, delta 0), or, in pixel_disparity and order, as if each pixel and pair were wrong. SSIM is then 0.
        classes: classes of pixels beside "all".
        metrics: names (`leadline.evaluation.metric_names`).

    Raises:
        LeadlineError: a field is none of what it can be, or two of them contradict each other.
    """

    name: str
    cap_m: float | None
    version: int = 1
    title: str = ""
    datasets: tuple[str, ...] = ()
    source: str = ""
    notes: str = ""
    space: Space = "disparity"
    solver: Solver = "scale_shift"
    fit_on: FitOn = "all"
    fit_weight: FitWeight = "none"
    normalise: Normalise = "none"
    crop: tuple[Crop, ...] = ()
    nearest_m: float = 1e-3
    bounds: Bounds = "inclusive"
    clamp: Clamp = "disparity_floor"
    resize: Resize = "bilinear"
    resized: Literal["prediction", "truth"] = "prediction"
    resize_as: Literal["space", "disparity", "depth"] = "space"
    score_hw: tuple[int, int] | None = None
    compared: Literal["depth", "disparity"] = "depth"
    averaging: Averaging = "per_image"
    min_valid_pixels: int = 100
    holes: Literal["fail_image", "wrong"] = "fail_image"
    negative_scale: Literal["kept_and_counted"] = "kept_and_counted"
    failure: Literal["scored_as_nearest"] = "scored_as_nearest"
    classes: Classes | None = None
    metrics: tuple[str, ...] = USUAL_METRICS

    def __post_init__(self) -> None:
        for name, allowed in _choices().items():
            if getattr(self, name) not in allowed:
                raise LeadlineError(f"{name} {getattr(self, name)!r} in a protocol: expected one of {', '.join(allowed)}")
        if unknown := [crop for crop in self.crop if crop not in get_args(Crop)]:
            raise LeadlineError(f"crop {unknown[0]!r} in a protocol: expected some of {', '.join(get_args(Crop))}")
        own = {"pixel_disparity": "stereo", "order": "order"}.get(self.space)
        for metric in self.metrics:
            family = family_of(metric)
            if family != own if own else family in ("stereo", "order"):
                raise LeadlineError(
                    f"metric {metric!r} in a protocol of {self.space}: it compares {family}; take one that does"
                )
        if not 0 < self.nearest_m < (float("inf") if self.cap_m is None else self.cap_m):
            raise LeadlineError(f"a range from {self.nearest_m} to {self.cap_m} m: expected 0 < nearest_m < cap_m")
        if self.min_valid_pixels < (fewest := 2 if self.fits else 1):
            raise LeadlineError(f"min_valid_pixels {self.min_valid_pixels}: expected at least {fewest}, for scale and shift")
        if self.fits != (self.space in ("disparity", "log_depth") or (self.space == "depth" and self.solver != "none")):
            raise LeadlineError(f"solver {self.solver!r} in {self.space}: expected a solver where there is something to fit")
        if (self.solver == "mean_shift") != (self.space == "log_depth"):
            raise LeadlineError(
                f"solver {self.solver!r} in {self.space}: 'mean_shift' belongs to log_depth, where it is a scale"
            )
        floored = self.clamp in ("disparity_floor", "disparity_floor_farthest_truth")
        if floored != (self.space == "disparity" and not self.clamp.startswith("range")) and not self.per_pair:
            raise LeadlineError(
                f"clamp {self.clamp!r} in {self.space}: the disparity_floor clamps belong to disparity, positive not"
            )
        if self.space == "disparity" and self.cap_m is None and self.clamp != "disparity_floor_farthest_truth":
            raise LeadlineError("a fit in disparity without a cap: a disparity of 0 would be infinitely far; give cap_m")

    @property
    def fits(self) -> bool:
        """Whether anything is fitted."""
        return self.solver != "none"

    @property
    def finds_shift(self) -> bool:
        """Whether the fit can mend an unknown shift."""
        return self.solver in SOLVERS_WITH_SHIFT

    @property
    def per_pair(self) -> bool:
        """Whether pixels are compared as a stereo disparity or by order, so that there is no depth to clamp."""
        return self.space in ("pixel_disparity", "order")

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that change with every field that can change a number."""
        return fingerprint_of({name: value for name, value in self.to_dict().items() if name not in _TOLD})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content

    def record(self) -> dict[str, Any]:
        """Return the fields and the fingerprint, as a result keeps them."""
        return {**self.to_dict(), "fingerprint": self.fingerprint}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Protocol:
        """Read what `to_dict` or `record` wrote.

        Raises:
            LeadlineError: it is no protocol, or its fingerprint is another.
        """
        known = {f.name for f in fields(cls)}
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items() if name in known
        }
        if unknown := sorted(set(content) - known - {"fingerprint"}):
            raise LeadlineError(f"a protocol with unknown fields {unknown}: expected some of {sorted(known)}")
        try:
            if given.get("classes") is not None:
                given["classes"] = Classes.from_dict(given["classes"])
            protocol = cls(**given)
        except (TypeError, KeyError, AttributeError) as error:
            raise LeadlineError(
                f"not a protocol ({error}): expected its fields as leadline evaluate --json writes them"
            ) from None
        if content.get("fingerprint", protocol.fingerprint) != protocol.fingerprint:
            raise LeadlineError(
                f"protocol {protocol.name!r} says fingerprint {content['fingerprint']}, its fields give {protocol.fingerprint}:"
                " it was changed, or written by another version of leadline"
            )
        return protocol


def fingerprint_of(content: Any) -> str:
    """Return the first eight hex digits of the SHA-256 of `content` as canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]


def _choices() -> dict[str, tuple[str, ...]]:
    """Return the fields that are one of a few words, with the words."""
    hints = get_type_hints(Protocol)
    return {name: get_args(hint) for name, hint in hints.items() if getattr(hint, "__origin__", None) is Literal}
