"""KITTI raw with the truth that published scores on Eigen's split are taken with: laser points one pixel left and up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from leadline.data.datasets import kitti_raw
from leadline.data.datasets.dataset import Dataset

INFO = replace(
    kitti_raw.INFO,
    name="kitti_eigen",
    title="KITTI Eigen",
    layout="as kitti_raw, with one *files*.txt in the root that lists the split (for instance eigen_test_files.txt, 697 lines)",
    camera="P_rect_02 or P_rect_03 of calib_cam_to_cam.txt; first pixel's centre at 0, though the truth counts it as 1",
    citation="Eigen, Puhrsch and Fergus, Depth map prediction from a single image using a multi-scale deep network, NIPS 2014; "
    "Geiger et al., Vision meets robotics: the KITTI dataset, IJRR 2013",
    notes="the published evaluators subtract 1 from each rounded pixel of a laser point, to match KITTI's MATLAB code, "
    "which counts from 1: take this reader to compare with published numbers on the raw scans, kitti_raw for the better truth. "
    "Lists with annotated depth maps ('PICTURE TRUTH', the improved 652 frames) read the same here and there",
)


def with_list(path: Path | str) -> Dataset:
    """Return the reader for the frames of a list that lies elsewhere than in the root."""
    return kitti_raw.make_dataset(INFO, first_pixel=1, list_path=Path(path))


DATASET = kitti_raw.make_dataset(INFO, first_pixel=1, list_needed=True)
iter_samples = DATASET.iter_samples
