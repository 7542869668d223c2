from collections import Counter

import pytest

from leadline.data.datasets.registry import dataset_names
from leadline.depth_map import RELATIVE_DISPARITY, Ambiguity, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.evaluation.direction import direction_of
from leadline.evaluation.metric_names import family_of
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.registry import all_protocols, get_protocol, protocols_for

ASKED = (  # noqa: SIM905 (a list of one name a line is no easier to read)
    "kitti-eigen-raw-garg kitti-eigen-raw-eigen kitti-eigen-raw-benchmark kitti-eigen-raw-full kitti-eigen-improved-garg "
    "kitti-eigen-improved-eigen kitti-eigen-improved-benchmark kitti-eigen-improved-full monodepth2-raw monodepth2-improved "
    "nyu-eigen midas-eth3d midas-sintel midas-kitti midas-nyu midas-tum diw-whdr depth-anything-kitti moge-scale "
    "moge-affine-depth moge-affine-disparity marigold-nyu unidepth-raw-nyu unidepth-si-nyu unidepth-ssi-nyu "
    "depth-pro-boundary da-2k eth3d-metric diode-indoor sintel-median make3d-c1 ddad-median booster-mono "
    "booster-mono-published booster-stereo cleargrasp kitti-stereo-2012 kitti-stereo-2015 middlebury-stereo essay-ssim"
).split()


def test_every_protocol_that_was_asked_for_is_there():
    assert set(ASKED) <= {protocol.name for protocol in all_protocols()}


def test_names_and_fingerprints_are_their_own():
    for key in ("name", "fingerprint", "title"):
        assert max(Counter(getattr(protocol, key) for protocol in all_protocols()).values()) == 1, key


@pytest.mark.parametrize("protocol", all_protocols(), ids=lambda protocol: protocol.name)
def test_a_protocol_is_whole(protocol):
    assert protocol.title
    assert protocol.source or not protocol.datasets
    assert set(protocol.datasets) <= set(dataset_names())
    assert Protocol.from_dict(protocol.record()) == protocol
    for metric in protocol.metrics:
        assert family_of(metric)
        assert direction_of(metric) is not None, metric


def test_the_published_quirk_of_booster_is_a_named_mode_beside_the_right_one():
    right, published = get_protocol("booster-mono"), get_protocol("booster-mono-published")
    assert (right.resize, published.resize) == ("cubic", "bilinear_written_as_cubic")
    assert (right.clamp, published.clamp) == ("range", "range_published")
    assert right.fingerprint != published.fingerprint


def test_an_unknown_name_brings_the_nearest_ones():
    with pytest.raises(LeadlineError, match="did you mean midas-nyu"):
        get_protocol("midas_nyu")


def test_a_kind_gets_the_protocols_of_its_data_set_first():
    names = protocols_for(RELATIVE_DISPARITY, ("nyu_labelled",))
    assert {"midas-nyu", "depth-anything-nyu"} <= set(names[:6])
    assert "nyu-eigen" not in names
    assert "nyu-eigen" in protocols_for(Kind(Quantity.DEPTH, Ambiguity.METRIC))
    assert protocols_for(Kind(Quantity.DEPTH, Ambiguity.ORDINAL)) == ["diw-whdr", "da-2k"]
