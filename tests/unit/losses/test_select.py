from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from leadline.losses.select import _by_median, _by_partition, kth_smallest, lower_median

Engine = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
ENGINES = [_by_partition, _by_median]  # the second is what other devices use


def rows_with_ties(rows: int, columns: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(-3, 3, (rows, columns), generator=generator).double()
    valid = torch.rand(rows, columns, generator=generator) < 0.7
    valid[:, 0] = True
    return torch.where(valid, values, torch.nan), valid


@pytest.mark.parametrize("select", ENGINES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_each_engine_finds_the_kth_of_a_sort_and_a_valid_column_that_holds_it(select: Engine, data: st.DataObject) -> None:
    values, valid = rows_with_ties(data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12)), data.draw(st.integers(0, 999)))
    k = torch.tensor([data.draw(st.integers(1, int(row.sum()))) for row in valid])
    found, column = select(values, valid, k)
    assert found.tolist() == [float(row[m].sort().values[n - 1]) for row, m, n in zip(values, valid, k, strict=True)]
    assert valid.gather(1, column[:, None]).all()
    assert torch.equal(values.gather(1, column[:, None])[:, 0], found)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_both_engines_give_the_same_bits_in_every_precision(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 501, generator=generator).to(dtype)
    valid = torch.rand(3, 501, generator=generator) < 0.8
    k = torch.tensor([1, 200, 390])
    ours, theirs = (select(values, valid, k)[0] for select in ENGINES)
    assert ours.dtype == dtype
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("select", ENGINES)
def test_the_whole_gradient_goes_to_one_pixel(select: Engine) -> None:
    values = torch.tensor([[3.0, 1.0, 2.0, 9.0]], requires_grad=True)
    select(values, torch.tensor([[True, True, True, False]]), torch.tensor([2]))[0].sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[0, 0, 1, 0]]


def test_the_median_is_the_lower_of_the_two_middle_values_and_0_without_any() -> None:
    values = torch.tensor([[4.0, 1.0, 3.0, 2.0], [5.0, 6.0, 7.0, 8.0]])
    valid = torch.tensor([[True] * 4, [False] * 4])
    median, column = lower_median(values, valid)
    assert median.tolist() == [2, 0]
    assert column[0] == 3


def test_rows_with_k_below_1_give_0_and_disturb_nobody() -> None:
    values, valid = torch.tensor([[2.0, 1.0], [4.0, 3.0]]), torch.ones(2, 2, dtype=torch.bool)
    assert kth_smallest(values, valid, torch.tensor([0, 2])).tolist() == [0, 4]
