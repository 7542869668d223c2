"""Things that move from frame to frame, against still scenes in which they stand where they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.data.synthetic.render import Renderer
from leadline.data.synthetic.scene import Look, Move, Scene, Sky, Thing, View, look_at
from leadline.data.synthetic.shapes import box, quad, rotation, sphere, translation

pytest.importorskip("mitsuba", reason="Mitsuba is not installed (pip install 'leadline[synth]')")

SIZE = (32, 24)
VIEWS = tuple(View(look_at((0.0, -4.0 + 0.1 * k, 1.2), (0.0, 0.0, 0.6)), 60.0) for k in range(3))
GROUND = Thing(quad(40, 40), Look("diffuse", (0.4, 0.5, 0.3)))
CRATE = Thing(box(0.8, 0.6, 0.7), Look("plastic", (0.7, 0.2, 0.1)), translation(0.2, 0.0, 0.0), 1)
BALL = Thing(sphere(0.4), Look("diffuse", (0.2, 0.2, 0.8)), translation(-1.0, 0.5, 0.4), 2)
PATH = np.stack([np.eye(4), translation(0.3, 0.1, 0) @ rotation((0, 0, 1), 25.0), translation(0.9, 0.1, 0)])
FILM = Scene("film", (GROUND, CRATE, BALL), (Sky(np.ones((4, 8, 3), np.float32)),), VIEWS, (Move(1, PATH),))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(spp=4, threads=1)


def test_each_frame_shows_the_object_where_its_move_says(renderer: Renderer) -> None:
    film = renderer.render(FILM, SIZE)
    for k, frame in enumerate(film):
        placed = replace(CRATE, world_from_mesh=PATH[k] @ CRATE.world_from_mesh)
        (still,) = renderer.render(replace(FILM, things=(GROUND, placed, BALL), views=(VIEWS[k],), moves=()), SIZE)
        np.testing.assert_array_equal(frame.instance, still.instance)
        np.testing.assert_allclose(frame.depth, still.depth, rtol=1e-5)
        np.testing.assert_allclose(frame.normals, still.normals, atol=1e-4)
        assert np.abs(frame.radiance - still.radiance).mean() < 0.05 * still.radiance.mean()  # other paths, same light
    assert (film[0].depth != film[2].depth).any()


def test_smooth_things_keep_their_normals_while_they_turn(renderer: Renderer) -> None:
    moves = (Move(2, PATH),)
    film = renderer.render(replace(FILM, moves=moves), SIZE)
    placed = replace(BALL, world_from_mesh=PATH[1] @ BALL.world_from_mesh)
    (still,) = renderer.render(replace(FILM, things=(GROUND, CRATE, placed), views=(VIEWS[1],), moves=()), SIZE)
    on_ball = still.instance == 2
    assert on_ball.sum() > 10
    np.testing.assert_allclose(film[1].normals[on_ball], still.normals[on_ball], atol=1e-3)


def test_only_what_moves_is_marked_and_only_while_it_does(renderer: Renderer) -> None:
    stops = np.stack([PATH[0], PATH[1], PATH[1], PATH[1]])
    film = renderer.render(replace(FILM, views=(*VIEWS, VIEWS[2]), moves=(Move(1, stops),)), SIZE)
    for frame, moves in zip(film, (True, True, False, False), strict=True):
        assert frame.moving is not None
        np.testing.assert_array_equal(frame.moving, (frame.instance == 1) & moves)


def test_a_still_scene_has_no_map_of_what_moves(renderer: Renderer) -> None:
    assert renderer.render(replace(FILM, moves=()), SIZE)[0].moving is None


def test_a_right_eye_sees_the_same_moment(renderer: Renderer) -> None:
    (_, _, frame) = renderer.render(FILM, SIZE, baseline_m=0.2)
    assert frame.pixel_disparity is not None
    np.testing.assert_allclose(
        frame.pixel_disparity[frame.valid] * frame.depth[frame.valid], 0.2 * frame.intrinsics[0, 0], rtol=1e-4
    )
