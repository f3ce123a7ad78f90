"""What a check says of right, wrong, empty and broken answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cvrl_lite.course.checks import EMPTY, Case, alike, check

CASES: list[Case] = [("an empty list", ([],), None), ("three numbers", ([1, 2, 6],), 3.0)]


def mean(numbers: list[int]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (mean, "Right."),
        (lambda _: None, EMPTY),
        (max, "Not yet: for an empty list your function raises ValueError: "),
        (lambda numbers: max(numbers, default=None), "Not yet: for three numbers you say 6, expected 3.0."),
        (lambda _: "3", "Not yet: for an empty list you say 3, expected None."),
        (len, "Not yet: for an empty list you say 0, expected None."),
    ],
)
def test_a_check_says_what_it_got(
    function: Callable[..., Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(function, CASES)
    printed = capsys.readouterr().out
    assert printed.startswith(said) and printed.count("\n") == 1


def test_only_numbers_have_leeway() -> None:
    assert alike(np.array([0.1 + 0.2]), [0.3]) and alike(np.float32(2), 2) and alike([1, "I"], (1, "I"))
    assert alike(np.array(["I", "P"]), np.array(["I", "P"])) and alike(True, True)
    assert not alike(2.001, 2) and not alike([1], [1, 2]) and not alike(np.ones(2), np.ones((1, 2)))
    assert not alike("light", "new") and not alike(None, "new") and not alike("I", 1) and not alike(0, None)


def test_an_answer_of_another_kind_is_wrong_and_nothing_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    check(lambda: 3, [("a pair", (), (3, 4))])
    assert capsys.readouterr().out == "Not yet: for a pair you say 3, expected (3, 4).\n"
    check(lambda: 3, [("a pair", (), (3, 4))], same=lambda a, b: a[0] == b[0], says=lambda a: f"<{a}>")
    assert capsys.readouterr().out == "Not yet: for a pair you say <3>, expected <(3, 4)>.\n"
