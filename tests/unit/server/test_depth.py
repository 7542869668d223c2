from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from PIL import Image
from tests.unit.server.predictors import Brightness, client, png, ramp, saved, values_of

import leadline
from leadline.server.settings import Settings

PNG = {"Content-Type": "image/png"}
SUFFIXES = {"png16": "png", "npz": "npz", "exr": "exr", "pfm": "pfm", "tiff": "tiff"}


def ask(at, body, query="", headers=PNG):
    return at.post(f"/v1/depth{query}", content=body, headers=headers)


def floats(reply):
    assert reply.status_code == 200, reply.text
    height, width = map(int, reply.headers["Leadline-Size"].split("x"))
    return np.frombuffer(reply.content, "<f4").reshape(height, width)


def refused(reply, status, code):
    body = reply.json()
    assert (reply.status_code, body["code"]) == (status, code), reply.text
    assert set(body) == {"error", "code"}
    assert "\n" not in body["error"]
    return body["error"]


def test_floats_are_the_predictors_own():
    reply = ask(client(), png(ramp()), "?output=float32")
    np.testing.assert_array_equal(floats(reply), values_of(ramp()))
    assert reply.headers["content-type"] == "application/octet-stream"


def test_every_reply_says_what_it_is():
    headers = ask(client(), png(ramp())).headers
    assert headers["Leadline-Kind"] == "disparity/affine_invariant"
    assert headers["Leadline-Unit"] == "none"
    assert headers["Leadline-Size"] == "24x32"
    assert headers["Leadline-Model"] == "brightness.v1"
    assert headers["Leadline-Version"] == leadline.__version__
    assert json.loads(headers["Leadline-Camera"]) == {"focal_px": None, "fov_deg": None, "source": "none"}
    assert json.loads(headers["Leadline-Notes"]) == []
    assert {"queue", "predict", "encode"} <= set(json.loads(headers["Leadline-Seconds"]))


@pytest.mark.parametrize("output", SUFFIXES)
def test_every_format_reads_back_as_the_same_map(output, tmp_path):
    reply = ask(client(), png(ramp()), f"?output={output}&fov_deg=60")
    path = tmp_path / f"map.{SUFFIXES[output]}"
    path.write_bytes(reply.content)
    stated = {} if output != "pfm" else {"kind": reply.headers["Leadline-Kind"]}
    depth = leadline.read_depth(path, **stated)
    assert str(depth.kind) == reply.headers["Leadline-Kind"]
    np.testing.assert_allclose(depth.values, values_of(ramp()), atol=1.1 / 65535 if output == "png16" else 0)
    if output != "pfm":
        assert depth.source == "brightness.v1"
        assert depth.camera.fov_deg[0] == pytest.approx(60)


def test_stored_integers_times_scale_plus_offset_are_the_values():
    reply = ask(client(), png(ramp()), "?output=png16")
    counts = np.asarray(Image.open(io.BytesIO(reply.content))).astype(np.float64)
    values = float(reply.headers["Leadline-Offset"]) + float(reply.headers["Leadline-Scale"]) * counts
    np.testing.assert_allclose(values, values_of(ramp()), atol=1 / 65535)


def test_a_metric_map_has_its_unit_and_millimetres():
    reply = ask(client(Brightness("depth/metric")), png(ramp()))
    assert reply.headers["Leadline-Unit"] == "m"
    assert float(reply.headers["Leadline-Scale"]) == pytest.approx(0.001)


def test_a_preview_has_the_maps_size_and_says_its_colours():
    reply = ask(client(), png(ramp()), "?output=preview&colormap=viridis")
    assert Image.open(io.BytesIO(reply.content)).size == (32, 24)
    colours = json.loads(reply.headers["Leadline-Colours"])
    assert colours["colormap"] == "viridis"
    assert 0 < colours["low"] < colours["high"] <= 1


@pytest.mark.parametrize(("output", "magic"), [("ply", b"ply\n"), ("glb", b"glTF")])
def test_clouds_assume_a_view_and_say_so(output, magic):
    reply = ask(client(), png(ramp()), f"?output={output}")
    assert reply.content.startswith(magic)
    camera = json.loads(reply.headers["Leadline-Camera"])
    assert (camera["source"], round(camera["fov_deg"])) == ("assumed", 60)
    assert any("assumed" in note for note in json.loads(reply.headers["Leadline-Notes"]))
    if output == "glb":
        assert struct.unpack("<I", reply.content[8:12])[0] == len(reply.content)


def test_a_turned_photo_is_predicted_upright():
    turned = Image.Exif()
    turned[0x0112] = 6  # row 0 lies at the right: turn by 90 degrees clockwise to see it upright
    predictor = Brightness()
    reply = ask(client(predictor), png(ramp(), exif=turned), "?output=float32")
    upright = np.rot90(ramp(), -1)
    np.testing.assert_array_equal(predictor.pictures[0], upright)
    np.testing.assert_array_equal(floats(reply), values_of(upright))


@pytest.mark.parametrize("given", ["focal_px=40", "fov_deg=43.6028"])
def test_a_given_view_is_that_of_the_whole_picture_and_shrinks_with_the_map(given):
    reply = ask(client(), png(ramp()), f"?output=float32&longest=16&{given}")
    assert reply.headers["Leadline-Size"] == "12x16"
    camera = json.loads(reply.headers["Leadline-Camera"])
    assert camera["source"] == "given"
    assert camera["focal_px"] == pytest.approx(20, rel=1e-4)
    assert camera["fov_deg"] == pytest.approx(43.6028, rel=1e-4)


def test_exif_says_the_focal_length():
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0xA405] = 28
    body = saved(ramp((240, 320)), "JPEG", exif=tags)
    reply = ask(client(), body, headers={"Content-Type": "image/jpeg"})
    camera = json.loads(reply.headers["Leadline-Camera"])
    assert camera["source"] == "exif"
    assert camera["focal_px"] == pytest.approx(28 / 43.2666 * 400, rel=1e-3)


def test_the_map_is_never_larger_than_the_picture():
    assert ask(client(), png(ramp()), "?longest=4000").headers["Leadline-Size"] == "24x32"


def test_a_form_carries_the_picture_and_its_options():
    files = {"image": ("a.png", png(ramp()), "image/png")}
    reply = client().post("/v1/depth", files=files, data={"output": "float32", "longest": "16"})
    assert floats(reply).shape == (12, 16)


def known(*points):
    return json.dumps([{"x": x, "y": y, "metres": m} for x, y, m in points])


def test_one_known_distance_fixes_the_scale_and_says_what_it_took_for_granted():
    values = values_of(ramp())
    reply = client().post(
        "/v1/depth", content=png(ramp()), headers=PNG, params={"output": "float32", "known": known((8, 4, 2))}
    )
    depth = floats(reply)
    assert reply.headers["Leadline-Kind"] == "depth/metric"
    assert reply.headers["Leadline-Unit"] == "m"
    np.testing.assert_allclose(depth, 2 * values[4, 8] / values, rtol=1e-5)
    fit = json.loads(reply.headers["Leadline-Fit"])
    assert fit["scale"] == pytest.approx(0.5 / values[4, 8])
    assert (fit["shift"], fit["used"], fit["space"]) == (0, 1, "disparity")
    assert fit["residual"] == pytest.approx(0, abs=1e-6)
    assert "taken for zero" in json.loads(reply.headers["Leadline-Notes"])[-1]


def test_two_known_distances_fix_scale_and_shift():
    values = values_of(ramp()).astype(np.float64)
    metres = 1 / (0.8 * values + 0.1)  # what is to be found again
    points = [(2, 1, metres[1, 2]), (30, 20, metres[20, 30]), (10.5, 22.9, metres[22, 10])]
    reply = client().post("/v1/depth", content=png(ramp()), headers=PNG, params={"output": "float32", "known": known(*points)})
    np.testing.assert_allclose(floats(reply), metres, rtol=1e-5)
    fit = json.loads(reply.headers["Leadline-Fit"])
    assert (fit["scale"], fit["shift"]) == (pytest.approx(0.8), pytest.approx(0.1))


def test_more_than_two_known_distances_are_fitted_by_least_squares_in_disparity_as_the_page_does():
    values = values_of(ramp()).astype(np.float64)
    rows, columns = np.array([1, 8, 15, 20]), np.array([2, 9, 20, 30])
    metres = (1 / (0.8 * values + 0.1))[rows, columns] * (1.03, 0.97, 1.05, 0.98)
    points = known(*zip(columns.tolist(), rows.tolist(), metres.tolist(), strict=True))
    reply = client().post("/v1/depth", content=png(ramp()), headers=PNG, params={"output": "float32", "known": points})
    fit = json.loads(reply.headers["Leadline-Fit"])
    scale, shift = np.polyfit(values[rows, columns], 1 / metres, 1)
    assert (fit["scale"], fit["shift"]) == (pytest.approx(scale), pytest.approx(shift))


def test_known_places_are_in_the_pictures_pixels_whatever_the_maps_size():
    flat = np.full((24, 32, 3), 127, np.uint8)
    flat[:, 16:] = 63
    query = {"output": "float32", "longest": "16", "known": known((24, 12, 4))}
    depth = floats(client().post("/v1/depth", content=png(flat), headers=PNG, params=query))
    assert depth[6, 12] == pytest.approx(4)
    assert depth[6, 4] == pytest.approx(2)


@pytest.mark.parametrize(
    ("points", "code"),
    [
        ([(40, 4, 2)], "bad_point"),
        ([(2, 2, 1.0), (2, 2, 1.0)], "no_fit"),
        ([(0, 0, 1.0), (20, 20, 9.0)], "no_fit"),  # nearer where the map says farther
    ],
)
def test_places_that_fix_nothing_are_refused(points, code):
    reply = client().post("/v1/depth", content=png(ramp()), headers=PNG, params={"known": known(*points)})
    refused(reply, 422, code)


def test_a_mask_hides_what_is_behind_glass():
    mask = np.zeros((24, 32), np.uint8)
    mask[6:18, 8:24] = 255
    at = client()
    plain = floats(ask(at, png(ramp()), "?output=float32"))
    files = {"image": ("a.png", png(ramp()), "image/png"), "mask": ("m.png", png(mask), "image/png")}
    virtual = floats(at.post("/v1/depth", files=files, data={"output": "float32", "tom_colours": "3"}))
    np.testing.assert_allclose(virtual[mask == 0], plain[mask == 0])
    assert np.ptp(virtual[mask > 0]) < 1e-6  # painted in one colour: one value
    assert np.ptp(plain[mask > 0]) > 0.1


def test_a_painted_layer_marks_where_it_is_not_transparent():
    layer = np.zeros((24, 32, 4), np.uint8)
    layer[6:18, 8:24] = (255, 0, 0, 255)
    files = {"image": ("a.png", png(ramp()), "image/png"), "mask": ("m.png", png(layer), "image/png")}
    virtual = floats(client().post("/v1/depth", files=files, data={"output": "float32"}))
    assert np.ptp(virtual[6:18, 8:24]) < 1e-6
    assert np.ptp(virtual[:6]) > 0.1


@pytest.mark.parametrize("mask", [np.full((24, 32), 1, np.uint8), np.ones((30, 10), np.uint8)])
def test_a_mask_of_everything_or_of_another_shape_is_refused(mask):
    files = {"image": ("a.png", png(ramp()), "image/png"), "mask": ("m.png", png(mask), "image/png")}
    refused(client().post("/v1/depth", files=files), 422, "no_mask")


def test_the_segmenter_marks_glass_by_itself():
    picture = ramp((64, 64))
    picture[:, :, 0] = 20
    picture[16:48, 16:48, 0] = np.arange(200, 232)
    at = client()
    found = floats(ask(at, png(picture), "?output=float32&tom=auto"))
    assert np.ptp(found[20:44, 20:44]) < 1e-6
    classes = at.post("/v1/mask", content=png(picture), headers=PNG)
    assert classes.headers["Leadline-Model"] == "red.v1"
    shown = np.asarray(Image.open(io.BytesIO(classes.content)))
    assert (shown[20:44, 20:44] == 1).all()
    assert (shown[:12] == 0).all()


def test_without_a_segmenter_its_uses_are_refused(monkeypatch):
    monkeypatch.setattr("leadline.server.app.shipped_segmenter", lambda: None)
    at = client(segmenter=None)
    refused(ask(at, png(ramp()), "?tom=auto"), 404, "no_segmenter")
    refused(at.post("/v1/mask", content=png(ramp()), headers=PNG), 404, "no_segmenter")
    assert at.get("/v1/about").json()["tom_auto"] is False


@pytest.mark.parametrize(
    "query",
    [
        "output=jpeg", "focal_px=0", "focal_px=nan", "fov_deg=170", "focal_px=900&fov_deg=60", "longest=0", "longest=many",
        "tom=yes", "tom_colours=21", "tom_merge=perhaps", "known=7", "known=[]", "known=[{}]", "nonsense=1",
        "output=npz&output=npz", "focal_px=4", 'known=[{"x":1,"y":1,"metres":-2}]', "colormap=jet",
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_used_is_refused_in_one_sentence(query):
    name = query.partition("=")[0]
    assert name.partition("_")[0] in refused(ask(client(), png(ramp()), f"?{query}"), 400, "bad_option")


def test_an_unknown_model_is_refused_by_name():
    assert "brightness.v1" in refused(ask(client(), png(ramp()), "?model=other"), 404, "no_model")


def test_a_model_answers_to_its_name_with_and_without_the_tag():
    for name in ("brightness.v1", "brightness"):
        assert ask(client(), png(ramp()), f"?model={name}").status_code == 200


def test_a_predictors_own_refusal_is_told():
    class Picky(Brightness):
        def __call__(self, image, camera=None):
            raise leadline.LeadlineError("too few pixels: expected at least 100")

    assert "too few pixels" in refused(ask(client(Picky()), png(ramp())), 422, "no_result")


def test_a_predictor_that_breaks_is_a_declared_failure_without_a_traceback():
    class Broken(Brightness):
        def __call__(self, image, camera=None):
            raise RuntimeError("secret path")

    reply = ask(client(Broken()), png(ramp()))
    assert "secret" not in refused(reply, 500, "failed")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_pixels_are_counted_before_they_are_decoded():
    at = client(settings=Settings(max_pixels=500))
    assert "32 x 24" in refused(ask(at, png(ramp())), 413, "too_many_pixels")
