"""Paths survive both formats; files that are none are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from leadline.errors import LeadlineError
from leadline.io.trajectory import TrajectoryFormat, quaternion, read_trajectory, rotation_of, write_trajectory

POSES = np.tile(np.eye(4), (5, 1, 1))
POSES[:, :3, :3] = Rotation.random(5, random_state=0).as_matrix()
POSES[:, :3, 3] = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize("layout", ["kitti", "tum"])
def test_a_path_survives_a_file(tmp_path: Path, layout: TrajectoryFormat) -> None:
    times = np.arange(5) / 10
    path = write_trajectory(tmp_path / "path.txt", POSES, layout, times)
    found = read_trajectory(path)
    np.testing.assert_allclose(found.poses, POSES, atol=1e-8)
    if layout == "tum":
        assert found.times_s is not None
        np.testing.assert_allclose(found.times_s, times)


def test_quaternions_agree_with_scipy_also_at_half_a_turn() -> None:
    half = Rotation.from_rotvec([[np.pi, 0, 0], [0, np.pi, 0], [0, 0, np.pi], [0, 0, 0]]).as_matrix()
    for rotation in [*POSES[:, :3, :3], *half]:
        theirs = Rotation.from_matrix(rotation).as_quat(canonical=True)
        assert abs(np.dot(theirs, quaternion(rotation))) == pytest.approx(1)
        np.testing.assert_allclose(rotation_of(quaternion(rotation)), rotation, atol=1e-12)


def test_matrices_of_sixteen_numbers_and_rendered_films_are_read(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "poses.txt", POSES.reshape(5, 16))
    np.testing.assert_allclose(read_trajectory(tmp_path / "poses.txt").poses, POSES)
    (tmp_path / "camera.json").write_text(json.dumps({"views": [{"world_from_camera": pose.tolist()} for pose in POSES]}))
    np.testing.assert_allclose(read_trajectory(tmp_path / "camera.json").poses, POSES)


def test_what_is_no_path_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"can't read .*none\.txt"):
        read_trajectory(tmp_path / "none.txt")
    (tmp_path / "odd.txt").write_text("1 2 3\n1 2\n")
    with pytest.raises(LeadlineError, match=r"has rows of 2, 3 numbers: expected 12 \(KITTI\)"):
        read_trajectory(tmp_path / "odd.txt")
    (tmp_path / "words.txt").write_text("a b c d e f g h\n")
    with pytest.raises(LeadlineError, match="has words between its numbers"):
        read_trajectory(tmp_path / "words.txt")
    (tmp_path / "camera.json").write_text("{}")
    with pytest.raises(LeadlineError, match="holds no path: expected views with world_from_camera"):
        read_trajectory(tmp_path / "camera.json")
    with pytest.raises(LeadlineError, match="no times for 5 poses: expected one each"):
        write_trajectory(tmp_path / "out.txt", POSES, "tum")
