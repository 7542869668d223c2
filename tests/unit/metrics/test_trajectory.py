"""ATE and RPE of a camera's path, against SciPy's rotation, and against the package evo where it is installed."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tests.reference import trajectory as slow

from leadline.errors import LeadlineError
from leadline.metrics.trajectory import align_path, from_first, path_errors, relative_errors

Poses = NDArray[np.float64]


def walk(seed: int = 0, count: int = 40) -> Poses:
    rng = np.random.default_rng(seed)
    poses = [np.eye(4)]
    for _ in range(count - 1):
        step = np.eye(4)
        step[:3, :3] = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix()
        step[:3, 3] = rng.normal([0, 0, 1], 0.05)
        poses.append(poses[-1] @ step)
    return np.stack(poses)


def noisy(poses: Poses, seed: int = 1) -> Poses:
    rng = np.random.default_rng(seed)
    found = poses.copy()
    for pose in found:
        pose[:3, :3] = pose[:3, :3] @ Rotation.from_rotvec(rng.normal(0, 0.02, 3)).as_matrix()
        pose[:3, 3] += rng.normal(0, 0.3, 3)
    return found


def elsewhere(poses: Poses, scale: float = 0.03) -> Poses:
    """The same path in another unit, another frame."""
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = Rotation.from_rotvec([0.4, -1.2, 2.0]).as_matrix(), [3, -1, 8]
    found = poses.copy()
    found[:, :3, 3] *= scale
    return np.asarray(moved @ found)


def test_a_path_in_another_frame_and_unit_has_no_error_after_alignment() -> None:
    true = walk()
    errors = path_errors(elsewhere(true), true)
    assert errors.scale == pytest.approx(1 / 0.03)
    assert max(errors.ate_rmse, errors.ate_max, errors.rpe_rmse, errors.rpe_rotation_rmse_deg) < 1e-5
    assert path_errors(elsewhere(true), true, "rigid").ate_rmse > 1
    same_start = true.copy()
    same_start[:, :3, 3] *= 0.03
    assert path_errors(same_start, true, "scale").ate_rmse < 1e-9
    assert path_errors(true, true, "none").ate_max == 0


def test_the_alignment_is_the_best_there_is() -> None:
    true = walk()
    pred = elsewhere(noisy(true))
    rms, scale = slow.similarity_rms(pred, true)
    errors = path_errors(pred, true)
    assert errors.ate_rmse == pytest.approx(rms, rel=1e-9)
    assert errors.scale == pytest.approx(scale, rel=1e-9)
    assert rms > 0.1


@pytest.mark.parametrize("delta", [1, 4])
def test_relative_errors_agree_with_their_slow_twin(delta: int) -> None:
    true = walk()
    for mine, twin in zip(relative_errors(noisy(true), true, delta), slow.relative(noisy(true), true, delta), strict=True):
        np.testing.assert_allclose(mine, twin, rtol=1e-9)


def test_a_flat_path_is_not_mirrored() -> None:
    """Positions in a plane leave the third axis to the sign of the determinant."""
    true = walk()
    true[:, 1, 3] = 0
    aligned, _ = align_path(elsewhere(true), true)
    assert np.linalg.det(aligned[0, :3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(aligned[:, :3, 3], true[:, :3, 3], atol=1e-6)


@pytest.mark.parametrize("alignment", ["none", "rigid", "scale", "similarity"])
@pytest.mark.parametrize("delta", [1, 5])
def test_the_numbers_are_those_of_evo(alignment: str, delta: int) -> None:
    pytest.importorskip("evo", reason="the package evo is not installed")
    from evo.core import metrics
    from evo.core.trajectory import PosePath3D

    true = walk()
    pred = noisy(true) if alignment == "none" else elsewhere(noisy(true))
    theirs, reference = PosePath3D(poses_se3=list(pred)), PosePath3D(poses_se3=list(true))
    theirs = copy.deepcopy(theirs)
    if alignment != "none":
        theirs.align(reference, correct_scale=alignment == "similarity", correct_only_scale=alignment == "scale")
    ape = metrics.APE(metrics.PoseRelation.translation_part)
    ape.process_data((reference, theirs))
    found = [ape.get_statistic(which) for which in (metrics.StatisticsType.rmse, metrics.StatisticsType.mean)]
    for relation in (metrics.PoseRelation.translation_part, metrics.PoseRelation.rotation_angle_deg):
        rpe = metrics.RPE(relation, delta, metrics.Unit.frames, all_pairs=False)
        rpe.process_data((reference, theirs))
        found.append(rpe.get_statistic(metrics.StatisticsType.rmse))
    errors = path_errors(pred, true, alignment, delta)  # type: ignore[arg-type]
    mine = (errors.ate_rmse, errors.ate_mean, errors.rpe_rmse, errors.rpe_rotation_rmse_deg)
    np.testing.assert_allclose(mine, found, rtol=1e-6)


def test_a_path_starts_where_the_first_camera_is() -> None:
    np.testing.assert_allclose(from_first(elsewhere(walk()))[0], np.eye(4), atol=1e-12)


def test_paths_that_can_not_be_compared_are_one_line() -> None:
    true = walk()
    with pytest.raises(LeadlineError, match=r"paths of shape \(40, 4, 4\) and \(39, 4, 4\): expected"):
        path_errors(true, true[1:])
    with pytest.raises(LeadlineError, match="a path of 1 pose: expected at least two"):
        path_errors(true[:1], true[:1])
    with pytest.raises(LeadlineError, match="a path without motion can't be aligned"):
        path_errors(np.tile(np.eye(4), (40, 1, 1)), true)
    with pytest.raises(LeadlineError, match="delta 40 for a path of 40 poses: expected 1 to 39"):
        path_errors(true, true, delta=40)
    with pytest.raises(LeadlineError, match="poses that are not finite"):
        path_errors(true * np.nan, true)
