import numpy as np
import pytest

from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.registry import dataset_names, get_dataset
from leadline.data.datasets.tum import INFO
from leadline.errors import LeadlineError
from leadline.sample import Sample


def counting_reader():
    read = []

    def read_sample(root, name):
        read.append(name)
        return Sample(name, np.zeros((2, 2, 3), np.uint8))

    return Dataset(INFO, lambda root: list("abcdefg"), read_sample), read


def test_samples_are_read_one_at_a_time_when_their_turn_comes(tmp_path):
    dataset, read = counting_reader()
    samples = dataset.iter_samples(tmp_path)
    assert read == []
    assert next(samples).name == "a"
    assert read == ["a"]


def test_a_stride_reads_only_what_it_yields(tmp_path):
    dataset, read = counting_reader()
    assert [sample.name for sample in dataset.iter_samples(tmp_path, every=3)] == ["a", "d", "g"]
    assert read == ["a", "d", "g"]
    with pytest.raises(LeadlineError, match="every = 0"):
        dataset.iter_samples(tmp_path, every=0)


@pytest.mark.parametrize("name", dataset_names())
def test_every_reader_says_at_once_what_an_empty_or_missing_root_lacks(tmp_path, name):
    dataset = get_dataset(name)
    with pytest.raises(LeadlineError, match="expected"):
        dataset.iter_samples(tmp_path)
    with pytest.raises(LeadlineError, match="is not a folder"):
        dataset.iter_samples(tmp_path / "nowhere")


@pytest.mark.parametrize("name", dataset_names())
def test_every_data_set_states_its_facts_under_its_registered_name(name):
    info = get_dataset(name).info
    assert info.name == name
    assert all((info.title, info.layout, info.unit, info.invalid, info.camera, info.licence, info.citation))
    restricted = any(word in info.licence.lower() for word in ("evaluation", "non-commercial", "nc-sa", "research"))
    assert not (restricted and info.training_allowed)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(LeadlineError, match=r"unknown data set 'kitty': expected one of .*cleargrasp_real, .*kitti_object"):
        get_dataset("kitty")
