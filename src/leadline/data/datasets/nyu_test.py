"""NYU Depth v2, the 654 test pictures of the labelled part: the usual indoor benchmark."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from leadline.data.datasets import nyu_labelled
from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.files import read_bytes
from leadline.errors import LeadlineError

INFO = replace(
    nyu_labelled.INFO, name="nyu_test", title="NYU Depth v2 (test)", layout=f"{nyu_labelled.MAT} and splits.mat (testNdxs)"
)

# What SciPy lets through on files that are cut off or of another kind.
_DAMAGE = (KeyError, TypeError, ValueError, IndexError, NotImplementedError, OSError, zlib.error)


def _names(root: Path) -> list[str]:
    known = nyu_labelled.names_of(root)
    return [known[index] for index in read_test_indices(root / "splits.mat", len(known))] if known else []


def read_test_indices(path: Path, count: int) -> list[int]:
    """Return the test pictures' numbers, counted from 0, in order.

    Args:
        path: splits.mat, whose `testNdxs` count from 1.
        count: of the pictures in the labelled part.

    Raises:
        LeadlineError: SciPy is not installed, or the file is missing, damaged, or names pictures that are not there.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise LeadlineError(f"{path} is a MATLAB file, which needs SciPy: pip install 'leadline[eval]'") from None
    read_bytes(path, 1)
    try:
        numbers = np.sort(np.asarray(loadmat(path)["testNdxs"]).ravel().astype(np.int64))
    except (*_DAMAGE, MatReadError) as error:
        raise LeadlineError(f"{path}: no testNdxs ({error}); expected the splits.mat of the data set's page") from None
    if numbers.size and not 1 <= numbers[0] <= numbers[-1] <= count:
        raise LeadlineError(f"{path}: test pictures {numbers[0]} to {numbers[-1]} of {count}; expected numbers counted from 1")
    return [int(number) - 1 for number in numbers]


DATASET = Dataset(INFO, _names, nyu_labelled.read_room)
iter_samples = DATASET.iter_samples
