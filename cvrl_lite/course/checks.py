"""What the course says to an answer of an exercise: "Right." or, for one case, what it got and expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cvrl_lite.course.exercises import RIGHT, judge

EMPTY = "Not yet: fill in the function above and run its cell, then this one."
Case = tuple[str, tuple[Any, ...], Any]
"""Words for the case, the arguments of the function, and what it should return."""


def check(
    function: Callable[..., Any],
    cases: Iterable[Case],
    *,
    same: Callable[[Any, Any], bool] | None = None,
    says: Callable[[Any], str] = str,
    exercise: str | None = None,
) -> None:
    """Tries a function on some cases, and prints "Right." or the first case that it gets wrong.

    A right answer that was written in a notebook is noted (`cvrl_lite.course.exercises`).

    Args:
        function: What a learner has filled in. One that returns None everywhere is still empty.
        cases: What it is tried on; see `Case`.
        same: Whether an answer is as good as the expected one; where None, numbers may differ by 1e-6.
        says: How an answer is written.
        exercise: The name of what the learner has filled in, if it is not `function` but something it calls.

    Example:
        >>> check(lambda x: x + x, [("2", (2,), 4), ("3", (3,), 9)])
        Not yet: for 3 you say 6, expected 9.
    """
    same = same or alike
    tried = list(cases)
    answers: list[Any] = []
    for words, arguments, expected in tried:
        try:
            answer = function(*arguments)
        except Exception as error:  # whatever the learner's code raises
            print(f"Not yet: for {words} your function raises {type(error).__name__}: {error}.")
            return
        answers.append(answer)
        try:
            right = same(answer, expected)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):  # not even of the right kind
            right = False
        if right:
            continue
        if answer is None and all(answer is None for answer in answers):
            print(EMPTY)
        else:
            print(f"Not yet: for {words} you say {says(answer)}, expected {says(expected)}.")
        return
    if function.__module__ == "__main__":
        judge(exercise or function.__name__, RIGHT)
    else:
        print(RIGHT)


def alike(answer: Any, expected: Any) -> bool:
    """Whether two answers are the same: numbers and arrays to 1e-6, all else exactly.

    Example:
        >>> alike((0.1 + 0.2, "a"), (0.3, "a")), alike([1, 2], [1, 2, 3]), alike(None, 0)
        (True, False, False)
    """
    if answer is None or expected is None or isinstance(expected, str):
        return bool(answer is expected or (isinstance(answer, str) and answer == expected))
    if isinstance(expected, (tuple, list)):
        parts = list(answer)
        return len(parts) == len(expected) and all(map(alike, parts, expected))
    one, other = np.asarray(answer), np.asarray(expected)
    if one.shape != other.shape:
        return False
    if one.dtype.kind not in "biuf" or other.dtype.kind not in "biuf":
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one.astype(float), other.astype(float), rtol=0, atol=1e-6, equal_nan=True))
