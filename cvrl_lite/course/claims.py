"""Claims that a notebook checks while it runs."""

from __future__ import annotations


def holds(claim: str, truth: object) -> None:
    """Prints a claim, and stops the notebook if it is false.

    Args:
        claim: What is said of the results, with its numbers.
        truth: Whether it is so.

    Raises:
        AssertionError: It is not.

    Example:
        >>> holds("half of four is two", 4 / 2 == 2)
        checked: half of four is two
    """
    if not truth:
        raise AssertionError(claim)
    print(f"checked: {claim}")
