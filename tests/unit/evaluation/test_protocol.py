from dataclasses import fields, replace

import pytest

from leadline.errors import LeadlineError
from leadline.evaluation.protocol import Protocol

CHANGED = {"cap_m": 80.0, "nearest_m": 0.01, "min_valid_pixels": 10, "version": 2}


@pytest.mark.parametrize("name", [f.name for f in fields(Protocol)])
def test_every_attribute_changes_the_fingerprint(name):
    protocol = Protocol(cap_m=10.0)
    other = replace(protocol, **{name: CHANGED.get(name, "another")})
    assert other.fingerprint != protocol.fingerprint


def test_the_fingerprint_is_the_same_on_every_machine_and_day():
    assert Protocol(cap_m=10.0).fingerprint == "fba1e9ec"


@pytest.mark.parametrize("wrong", [{"cap_m": 0.0}, {"cap_m": 1e-4}, {"cap_m": 10.0, "nearest_m": 0.0}])
def test_an_empty_range_is_refused(wrong):
    with pytest.raises(LeadlineError, match="0 < nearest_m < cap_m"):
        Protocol(**wrong)


def test_fewer_than_two_pixels_can_not_carry_scale_and_shift():
    with pytest.raises(LeadlineError, match="at least 2"):
        Protocol(cap_m=10.0, min_valid_pixels=1)
