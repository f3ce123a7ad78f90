"""A claim is printed where it is true, and stops where it is false."""

import pytest

from cvrl_lite.course.claims import holds


def test_a_true_claim_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    holds("R@1 is over .5", 0.6 > 0.5)
    assert capsys.readouterr().out == "checked: R@1 is over .5\n"


def test_a_false_claim_stops_and_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="R@1 is over"):
        holds("R@1 is over .5", 0.4 > 0.5)
    assert capsys.readouterr().out == ""
