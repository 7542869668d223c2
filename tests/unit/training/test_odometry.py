"""The path through a film: motions put one behind the other in the right order and direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.unit.data.small_films import slide, write_frames

from leadline.data.film import Film, open_film
from leadline.data.film_sources import VideoSource
from leadline.errors import LeadlineError
from leadline.models.kuznietsov import Kuznietsov
from leadline.models.video_network import VideoNetwork, Views, matrices_in_film_order, matrices_of_euler
from leadline.training.odometry import film_path, path_by_checkpoint

TURN, STEP = 0.1, 0.5


class Drives(VideoNetwork):
    """Says that the camera goes forward and turns, with the conventions of either family of networks."""

    def __init__(self, sources: int | None) -> None:
        super().__init__()
        self.sources = sources
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def views(self, target: torch.Tensor, sources: Any, offsets: Any) -> Views:
        assert self.sources in (None, len(sources))
        motion = torch.zeros(len(target), len(offsets), 6)
        motion[..., 1], motion[..., 5] = TURN, -STEP  # of the later camera from the earlier one
        if self.sources is not None:  # that of each source from the target: backwards for the earlier one
            back = torch.linalg.inv(matrices_in_film_order(motion[:1, :1], (1,)))[0, 0]
            motion[:, 0, 1], motion[:, 0, 3:] = -TURN, back[:3, 3]
        return Views((), motion)

    def motion_matrices(self, motion: torch.Tensor, offsets: Any) -> torch.Tensor:
        return matrices_in_film_order(motion, offsets) if self.sources is None else matrices_of_euler(motion)


def film_of(tmp_path: Path, count: int) -> Film:
    source = VideoSource.parse(f"video:{write_frames(tmp_path / 'film', slide(count))}").films()[0]
    return open_film(source, tmp_path / "cache", 80, 0.0)


@pytest.mark.parametrize("sources", [None, 2])
def test_a_camera_that_goes_forward_and_turns_draws_an_arc_in_the_world(tmp_path: Path, sources: int | None) -> None:
    path = film_path(Drives(sources), film_of(tmp_path, 20), (32, 64))
    assert path.shape == (20, 4, 4)
    np.testing.assert_array_equal(path[0], np.eye(4))
    expected = np.eye(4)
    c, s = np.cos(TURN), np.sin(TURN)
    later_from_earlier = np.array([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, -STEP], [0, 0, 0, 1]])
    for i in range(20):
        np.testing.assert_allclose(path[i], expected, atol=1e-5)
        expected = expected @ np.linalg.inv(later_from_earlier)
    assert path[1, 2, 3] > 0.9 * STEP  # forward


def test_too_few_frames_and_too_many_neighbours_are_one_line(tmp_path: Path) -> None:
    film = film_of(tmp_path, 2)
    assert len(film_path(Drives(None), film, (32, 64))) == 2
    with pytest.raises(LeadlineError, match="has 2 frames: expected at least 3 for a path"):
        film_path(Drives(2), film, (32, 64))
    with pytest.raises(LeadlineError, match="a network of 4 neighbours has no motion"):
        film_path(Drives(4), film, (32, 64))
    with pytest.raises(LeadlineError, match="a kuznietsov network has no pose network, so no path"):
        film_path(Kuznietsov(), film, (32, 64))
    with pytest.raises(LeadlineError, match="is no checkpoint"):
        path_by_checkpoint(tmp_path, "video:film", tmp_path)
