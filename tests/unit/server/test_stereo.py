from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from tests.unit.server.predictors import client, png

from leadline.camera import Camera
from leadline.depth_map import PIXEL_DISPARITY
from leadline.predictor import ModelCard
from leadline.runtime.stereo import make_prediction

HW = (48, 96)


def pair(shift=8):
    """A wall of noise, and the same seen from the right: all of it `shift` pixels apart."""
    wall = np.random.default_rng(0).integers(0, 256, (HW[0], HW[1] + shift, 3), dtype=np.uint8)
    return wall[:, : HW[1]], wall[:, shift:]


def ask(left, right, **data):
    files = {"left": ("l.png", png(left), "image/png"), "right": ("r.png", png(right), "image/png")}
    return client().post("/v1/stereo", files=files, data=data)


def floats(reply):
    assert reply.status_code == 200, reply.text
    return np.frombuffer(reply.content, "<f4").reshape(HW)


def test_a_pair_gives_its_disparity_in_pixels():
    reply = ask(*pair(), output="float32")
    assert reply.headers["Leadline-Kind"] == "pixel_disparity/metric"
    assert reply.headers["Leadline-Unit"] == "px"
    assert reply.headers["Leadline-Model"] == "sgm"
    assert np.nanmedian(floats(reply)[:, 8:]) == pytest.approx(8, abs=0.1)


def test_a_known_rig_gives_metres():
    reply = ask(*pair(), output="float32", focal_px="100", baseline_m="0.2")
    assert (reply.headers["Leadline-Kind"], reply.headers["Leadline-Unit"]) == ("depth/metric", "m")
    assert np.nanmedian(floats(reply)) == pytest.approx(100 * 0.2 / 8, rel=0.02)
    assert json.loads(reply.headers["Leadline-Camera"])["focal_px"] == 100


def test_principal_points_that_differ_are_heeded():
    reply = ask(*pair(), output="float32", focal_px="100", baseline_m="0.2", offset_px="2")
    assert np.nanmedian(floats(reply)) == pytest.approx(100 * 0.2 / 10, rel=0.02)


def test_swapped_pictures_are_noted_and_a_right_pair_is_not():
    wall = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    scene = cv2.resize(wall, (540, 360), interpolation=cv2.INTER_CUBIC)
    left, right = scene[:, :500], scene[:, 12:512]
    assert json.loads(ask(left, right, output="npz").headers["Leadline-Notes"]) == []
    assert "swapped" in json.loads(ask(right, left, output="npz").headers["Leadline-Notes"])[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [({"focal_px": "100"}, "baseline_m"), ({"baseline_m": "0.1"}, "focal_px"), ({"output": "ply"}, "distances"),
     ({"focal_px": "4", "baseline_m": "1"}, "millimetres"), ({"fov_deg": "60"}, "fov_deg")],
)  # fmt: skip
def test_half_a_rig_is_refused(data, says):
    reply = ask(*pair(), **data)
    assert reply.status_code == 400
    assert says in reply.json()["error"]


def test_a_pair_of_two_sizes_or_one_picture_is_refused():
    left, right = pair()
    assert ask(left, right[:, :-3]).json()["code"] == "no_pair"
    files = {"left": ("l.png", png(left), "image/png")}
    reply = client().post("/v1/stereo", files=files)
    assert (reply.status_code, reply.json()["code"]) == (400, "bad_form")
    assert client().post("/v1/stereo", content=png(left), headers={"Content-Type": "image/png"}).status_code == 415


def test_a_given_matcher_answers_by_its_name():
    class Ones:
        card = ModelCard("ones.v1", PIXEL_DISPARITY)

        def __call__(self, left, right, camera: Camera | None = None):
            valid = np.ones(left.shape[:2], bool)
            return make_prediction(self.card, valid.astype(np.float32), valid, None, camera, ("all is far",))

    at = client(matchers={"ones.v1": lambda fill: Ones()})
    left, right = pair()
    files = {"left": ("l.png", png(left), "image/png"), "right": ("r.png", png(right), "image/png")}
    reply = at.post("/v1/stereo", files=files, data={"output": "float32"})
    assert (floats(reply) == 1).all()
    assert "all is far" in json.loads(reply.headers["Leadline-Notes"])
    assert at.post("/v1/stereo", files=files, data={"model": "sgm"}).status_code == 404
