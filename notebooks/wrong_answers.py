"""Plausible wrong answers to each exercise; its check has to refuse them all (see conftest.py).

An answer is the solution with a mistake in it: pairs of what stands there and what a learner wrote instead.
"""

from __future__ import annotations

Mistake = tuple[str, ...]
"""Old, new, old, new, ...: what is replaced in the solution, wherever it stands."""


def applied(solution: str, mistake: Mistake) -> str:
    """The solution with a mistake.

    Raises:
        ValueError: What is to be replaced does not stand in the solution.
    """
    for old, new in zip(mistake[::2], mistake[1::2], strict=True):
        if old not in solution:
            raise ValueError(f"no {old!r} in the solution:\n{solution}")
        solution = solution.replace(old, new)
    return solution


WRONG: dict[str, tuple[Mistake, ...]] = {
    "09.1": (
        ("(step + 1)", "step"),
        ("round(warmup * steps)", "round(0.1 * steps)"),
        ("(steps - warm)", "steps"),
        ("(1 + np.cos(np.pi * done)) / 2", "(1 - done)"),
        ("return highest * (1 +", "return 2e-3 * (1 +"),
    ),
    "09.2": (
        ("5e-4 * batch", "5e-4 * gpus"),
        ("120 * (9537 // batch)", "120 * 9537 // batch"),
        ("9537 // batch", "-(-9537 // batch)"),
        ("5e-4 * batch", "5e-4"),
    ),
    "09.3": (
        ("gradients[1].norm() / gradients[0].norm()", "gradients[0].norm() / gradients[1].norm()"),
        (".norm()", ".abs().mean()"),
        (".norm()", ".square().sum()"),
        ("gradients[1].norm() / gradients[0].norm()", "0.5 * gradients[1].norm() / gradients[0].norm()"),
    ),
    "10.1": (
        (', kind="stable"', ""),
        (" + 1", ""),
        (
            'np.argsort(-cosines, axis=1, kind="stable")',
            'np.argsort(cosines, axis=1, kind="stable")[:, ::-1]',
        ),
        ("-cosines", "cosines"),
        (".argmax(1) + 1", ".sum(1)"),
    ),
    "10.2": (
        ("unit(vectors) @ unit(vectors).T", "vectors @ vectors.T"),
        ("cosines[sources[:, None] == sources] = -2", "np.fill_diagonal(cosines, -2)"),
        ("labels[cosines.argmax(1)] == labels", "sources[cosines.argmax(1)] == sources"),
        ("cosines[sources[:, None] == sources] = -2", "pass"),
    ),
    "10.3": (
        ("change[places].mean(1)", "change[places[:, :100]].mean(1)"),
        ("[0.025, 0.975]", "[0.05, 0.95]"),
        ("after.astype(int) - before.astype(int)", "before.astype(int) - after.astype(int)"),
        ("change[places].mean(1)", "after[places].mean(1) - before[places[::-1]].mean(1)"),
    ),
}
