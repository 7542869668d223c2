"""Data sets that are scored from files: reading while scoring, going on after a crash, unreadable samples."""

import json
import time
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from tests.unit.evaluation.known_answers import Answers, depth_of, sample_of

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.evaluation.overlap import overlapped
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import evaluate, evaluate_dataset

TEN = disparity_scale_shift(10.0)
INFO = DatasetInfo("rooms", "Rooms", "*.npy", METRIC_DEPTH, "m", "none", "none", "CC0-1.0", "nobody", False)


@pytest.fixture
def rooms(tmp_path):
    """A data set of six rooms; what is named in `broken` can't be read. `reads` says what was."""
    broken, reads, lock = set(), [], Lock()

    def read(root, name):
        with lock:
            reads.append(name)
        if name in broken:
            raise LeadlineError(f"can't read {name}: damaged")
        return sample_of(int(name[1:]))

    dataset = Dataset(INFO, lambda root: [f"s{seed}" for seed in range(6)], read)
    return dataset, broken, reads


def test_a_data_set_scores_as_its_samples_do(rooms, tmp_path):
    dataset, _, _ = rooms
    predictor = Answers(lambda seed: 1 / depth_of(seed) + 0.01 * seed * np.random.default_rng(seed).normal(0, 1, (24, 32)))
    from_files = evaluate_dataset(predictor, dataset, tmp_path, TEN)
    assert from_files.rows == evaluate(predictor, [sample_of(seed) for seed in range(6)], TEN).rows
    assert (from_files.dataset.name, from_files.dataset.images) == ("rooms", 6)
    assert [row.name for row in evaluate_dataset(predictor, dataset, tmp_path, TEN, every=2, limit=2).rows] == ["s0", "s2"]


def test_a_sample_that_can_not_be_read_is_skipped_by_name_and_the_rest_goes_on(rooms, tmp_path):
    dataset, broken, _ = rooms
    broken.add("s3")
    result = evaluate_dataset(Answers(lambda seed: 1 / depth_of(seed)), dataset, tmp_path, TEN)
    assert result.rows[3].skipped == "can't be read: can't read s3: damaged"
    assert len(result.scored) == 5


def test_an_empty_data_set_is_refused_in_one_line(tmp_path):
    empty = Dataset(INFO, lambda root: [], lambda root, name: sample_of(0))
    with pytest.raises(LeadlineError, match="no Rooms sample in"):
        evaluate_dataset(Answers(depth_of), empty, tmp_path, TEN)


def test_truth_in_another_unit_is_skipped_with_a_hint(tmp_path):
    millimetres = [sample_of(seed, values=1000 * depth_of(seed)) for seed in range(2)]
    result = evaluate(Answers(lambda seed: 1 / depth_of(seed)), millimetres, TEN)
    assert "is it in another unit? leadline data check tells" in result.rows[0].skipped
    assert "outside 0.001 to 10 m" in result.rows[0].skipped


def test_a_stopped_run_goes_on_where_it_was(rooms, tmp_path):
    dataset, _, reads = rooms
    part = tmp_path / "r.jsonl.part"
    seen = []

    def stop_after_three(row, total):
        seen.append(row.name)
        if len(seen) == 3:
            raise KeyboardInterrupt

    predictor = Answers(lambda seed: 1 / depth_of(seed))
    with pytest.raises(KeyboardInterrupt):
        evaluate_dataset(predictor, dataset, tmp_path, TEN, partial_file=part, on_row=stop_after_three)
    assert len(part.read_text().splitlines()) == 1 + 3
    reads.clear()
    result = evaluate_dataset(predictor, dataset, tmp_path, TEN, partial_file=part)
    assert sorted(reads) == ["s3", "s4", "s5"]
    assert result.rows == evaluate_dataset(predictor, dataset, tmp_path, TEN).rows


def test_a_line_that_a_crash_cut_off_is_scored_again(rooms, tmp_path):
    dataset, _, reads = rooms
    part = tmp_path / "r.jsonl.part"
    predictor = Answers(lambda seed: 1 / depth_of(seed))
    whole = evaluate_dataset(predictor, dataset, tmp_path, TEN, partial_file=part)
    part.write_text(part.read_text()[:-20])
    reads.clear()
    assert evaluate_dataset(predictor, dataset, tmp_path, TEN, partial_file=part).rows == whole.rows
    assert reads == ["s5"]
    lines = part.read_text().splitlines()
    part.write_text("\n".join([lines[0], "{}", *lines[2:]]))
    with pytest.raises(LeadlineError, match="line 2 is no row"):
        evaluate_dataset(predictor, dataset, tmp_path, TEN, partial_file=part)


@pytest.mark.parametrize("other", ["protocol", "model", "data set"])
def test_rows_of_another_run_are_refused_unless_they_are_given_up(rooms, tmp_path, other):
    dataset, _, _ = rooms
    part = tmp_path / "r.jsonl.part"
    predictor = Answers(lambda seed: 1 / depth_of(seed))
    evaluate_dataset(predictor, dataset, tmp_path, TEN, partial_file=part)
    changed = {
        "protocol": (predictor, get_protocol("midas-nyu"), {}),
        "model": (Answers(depth_of, METRIC_DEPTH), TEN, {}),
        "data set": (predictor, TEN, {"limit": 4}),
    }[other]
    with pytest.raises(LeadlineError, match=f"rows of another {other}: give --no-resume"):
        evaluate_dataset(changed[0], dataset, tmp_path, changed[1], partial_file=part, **changed[2])
    evaluate_dataset(changed[0], dataset, tmp_path, changed[1], partial_file=part, resume=False, **changed[2])
    assert json.loads(part.read_text().splitlines()[0])["protocol"].startswith(changed[1].name)


def test_work_overlaps_and_keeps_its_order():
    running, most, lock = 0, 0, Lock()

    def work(item):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002 * (5 - item % 5))
        with lock:
            running -= 1
        return item

    assert list(overlapped(range(20), work, 4)) == list(range(20))
    assert most > 1


def test_items_are_taken_as_they_are_needed_and_an_error_stops_the_work():
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    def work(item):
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(overlapped(items(), work, 2))
    assert len(taken) < 10


def test_a_predictor_is_called_by_one_thread_at_a_time_unless_it_says_more():
    inside, most, lock = 0, 0, Lock()

    def answer(seed):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.002)
        with lock:
            inside -= 1
        return 1 / depth_of(seed)

    evaluate(Answers(answer), [sample_of(seed) for seed in range(12)], TEN, workers=4)
    assert most == 1
    several = Answers(answer)
    several.streams = 3
    evaluate(several, [sample_of(seed) for seed in range(12)], TEN, workers=4)
    assert most > 1


def test_the_file_of_rows_has_no_parent_to_be_made_by_hand(rooms, tmp_path):
    dataset, _, _ = rooms
    part = tmp_path / "new" / "deep" / "r.jsonl.part"
    evaluate_dataset(Answers(lambda seed: 1 / depth_of(seed)), dataset, tmp_path, TEN, partial_file=part)
    assert Path(part).is_file()
