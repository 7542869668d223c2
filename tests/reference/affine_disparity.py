"""The protocol of METHODS A.5 written a second time: one image, numpy.linalg.lstsq, explicit loops over nothing clever."""

import numpy as np


def depth_after_fit(pred_disparity, true_depth, valid, cap):
    mask = valid & (true_depth > 1e-3) & (true_depth < cap)
    a = np.stack([pred_disparity[mask], np.ones(mask.sum())], axis=1)
    (scale, shift), *_ = np.linalg.lstsq(a, 1 / true_depth[mask], rcond=None)
    aligned = np.maximum(scale * pred_disparity + shift, 1 / cap)
    return 1 / aligned, mask
