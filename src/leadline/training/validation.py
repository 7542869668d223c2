"""Scores of a network on pictures it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import nn

from leadline.alignment import fit_scale_shift
from leadline.data.views import View
from leadline.depth_map import METRIC_DEPTH

# Given a network in evaluation mode, return scores by name; "score" is what the best checkpoint is chosen by, larger is better.
Validation = Callable[[nn.Module], dict[str, float]]

CAP_M = 100.0  # an aligned disparity below 1 / CAP_M counts as that


def held_out_validation(views: Sequence[View], input_size: int = 320) -> Validation:
    """Return a validation on held-out views: scale and shift fitted per image in disparity, then depth (METHODS A.5).

    A network of metric depth is taken at its word, nothing is fitted.
    Scores: "abs_rel" and "delta1" averaged over images, sky left out; "score" is delta1.
    """

    def validate(network: nn.Module) -> dict[str, float]:
        device, multiple = next(network.parameters()).device, int(network.stride)  # type: ignore[arg-type]
        found = []
        for view in views:
            h, w = view.disparity.shape
            scale = input_size / max(h, w)
            hw = [max(multiple, round(side * scale / multiple) * multiple) for side in (h, w)]
            image = cv2.resize(view.image, (hw[1], hw[0]), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
            with torch.no_grad():
                pixels = torch.from_numpy(image)[None].to(device)
                pred = network(network.normalise(pixels))[0].float().cpu().numpy()  # type: ignore[operator]
            pred = cv2.resize(pred, (w, h), interpolation=cv2.INTER_LINEAR)
            target = view.disparity.astype(np.float64)
            valid = target > 1 / CAP_M
            if valid.sum() < 100:
                continue
            if network.kind == METRIC_DEPTH:
                disparity = 1 / np.maximum(pred, 1 / CAP_M)
            else:
                disparity = fit_scale_shift(pred, target, valid).apply(pred)
            aligned = np.maximum(disparity[valid], 1 / CAP_M)
            ratio = aligned / target[valid]  # of disparities: true depth over predicted depth
            found.append((np.abs(1 / ratio - 1).mean(), (np.maximum(ratio, 1 / ratio) < 1.25).mean()))
        if not found:
            return {"score": 0.0}
        abs_rel, delta1 = np.mean(found, axis=0)
        return {"abs_rel": float(abs_rel), "delta1": float(delta1), "score": float(delta1), "images": float(len(found))}

    return validate
