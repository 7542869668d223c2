import json
from dataclasses import fields, replace

import pytest

from leadline.errors import LeadlineError
from leadline.evaluation.classes import CLASSES
from leadline.evaluation.protocol import Protocol

BASE = Protocol(name="test", cap_m=10.0)
TOLD = {"title", "datasets", "source", "notes"}
# Another value for every field; more than one field where another alone would contradict the rest.
CHANGED = {
    "name": {"name": "other"},
    "cap_m": {"cap_m": 80.0},
    "version": {"version": 2},
    "space": {"space": "depth", "clamp": "range"},
    "solver": {"solver": "scale"},
    "fit_on": {"fit_on": "grid_64"},
    "fit_weight": {"fit_weight": "inverse_depth"},
    "normalise": {"normalise": "min_max"},
    "crop": {"crop": ("garg",)},
    "nearest_m": {"nearest_m": 0.01},
    "bounds": {"bounds": "exclusive"},
    "clamp": {"clamp": "range"},
    "resize": {"resize": "cubic"},
    "resized": {"resized": "truth"},
    "resize_as": {"resize_as": "depth"},
    "score_hw": {"score_hw": (144, 256)},
    "compared": {"compared": "disparity"},
    "averaging": {"averaging": "pooled"},
    "min_valid_pixels": {"min_valid_pixels": 10},
    "holes": {"holes": "wrong"},
    "negative_scale": None,
    "failure": None,
    "classes": {"classes": CLASSES["booster"]},
    "metrics": {"metrics": ("abs_rel",)},
}


@pytest.mark.parametrize("name", [f.name for f in fields(Protocol) if f.name not in TOLD])
def test_every_field_that_can_change_a_number_changes_the_fingerprint(name):
    change = CHANGED[name]
    if change is None:  # the only choice there is
        assert name in BASE.to_dict()
        with pytest.raises(LeadlineError, match=name):
            replace(BASE, **{name: "another"})
        return
    assert replace(BASE, **change).fingerprint != BASE.fingerprint


@pytest.mark.parametrize("name", sorted(TOLD))
def test_words_about_a_protocol_leave_its_fingerprint_alone(name):
    other = replace(BASE, **{name: ("somewhere",) if name == "datasets" else "other words"})
    assert other.fingerprint == BASE.fingerprint


def test_the_fingerprint_is_the_same_on_every_machine_and_day():
    assert BASE.fingerprint == "6eb36a49"


def test_a_protocol_survives_json():
    protocol = replace(BASE, classes=CLASSES["material"], crop=("kitti_benchmark", "eigen_kitti"), score_hw=(3, 4))
    assert Protocol.from_dict(json.loads(json.dumps(protocol.record()))) == protocol


def test_a_protocol_that_was_changed_by_hand_is_refused():
    record = {**BASE.record(), "cap_m": 11.0}
    with pytest.raises(LeadlineError, match="it was changed"):
        Protocol.from_dict(record)
    with pytest.raises(LeadlineError, match="unknown fields"):
        Protocol.from_dict({**BASE.to_dict(), "colour": "red"})


@pytest.mark.parametrize("wrong", [{"cap_m": 0.0}, {"cap_m": 1e-4}, {"nearest_m": 0.0}])
def test_an_empty_range_is_refused(wrong):
    with pytest.raises(LeadlineError, match="0 < nearest_m < cap_m"):
        replace(BASE, **wrong)


def test_fewer_than_two_pixels_can_not_carry_scale_and_shift():
    with pytest.raises(LeadlineError, match="at least 2"):
        replace(BASE, min_valid_pixels=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": "colour"}, "expected one of disparity, depth"),
        ({"crop": ("left",)}, "expected some of garg"),
        ({"solver": "none"}, "where there is something to fit"),
        ({"space": "none", "clamp": "range"}, "where there is something to fit"),
        ({"solver": "mean_shift"}, "belongs to log_depth"),
        ({"space": "depth"}, "belong to disparity"),
        ({"clamp": "positive"}, "positive not"),
        ({"cap_m": None}, "infinitely far"),
        ({"metrics": ("abs_rle",)}, "unknown metric 'abs_rle'"),
        ({"metrics": ("epe",)}, "it compares stereo"),
        ({"space": "order", "solver": "none"}, "it compares depth"),
    ],
)
def test_fields_that_make_no_sense_are_refused(change, message):
    with pytest.raises(LeadlineError, match=message):
        replace(BASE, **change)
