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
    "02.1": (
        ("frame - start + 1", "frame - start"),
        ("key <= frame", "key < frame + 12 and key != frame + 1"),
        ("max(key for key in keys if key <= frame)", "frame // 12 * 12"),
        ("max(key for key in keys if key <= frame)", "min(keys, key=lambda key: abs(frame - key))"),
    ),
    "02.2": (
        ("< 0.5", "< 0.3"),
        ("< 0.5", "<= 0.5"),
        ("< 0.5", "== 0"),
        ('picture_types == "P"', 'picture_types != "I"'),
        ('(picture_types == "P") & ', ""),
    ),
    "02.3": (
        ('"crf": 31', '"crf": 20'),
        ('"crf": 31', '"crf": 51'),
        ('"gop": 12', '"gop": 42'),
        ('"crf": 31', '"crf": 31, "references": 4'),
        ('"crf": 31', '"crf": 31, "b_frames": 2'),
        ('return {"gop": 12, "crf": 31}', "return 12, 31"),
    ),
    "03.1": (
        ("np.median", "np.mean"),
        ("vectors[:, mask], axis=1", "vectors, axis=(1, 2)"),
        ("np.median", "-np.median"),
        (" if mask.any() else None", " if mask.any() else np.zeros(2)"),
    ),
    "03.2": (
        ("-future * back / ahead", "future * back / ahead"),
        ("-future * back / ahead", "-future"),
        ("back / ahead", "ahead / back"),
        ("future_mask & ~past_mask", "future_mask"),
        ("past_mask | gaps", "past_mask"),
    ),
    "04.1": (
        ("np.abs(values) > 4", "values > 4"),
        ("> 4", ">= 4"),
        ("> 4", "> 8"),
        ("> 0.5:", "> 0.3:"),
        ("> 0.05", "> 0.02"),
        ("> 0.05", "> 0.1"),
        ("~mask", "mask"),
    ),
    "04.2": (
        (
            ".clip(0, mask.shape[0] - 1)",
            " % mask.shape[0]",
            ".clip(0, mask.shape[1] - 1)",
            " % mask.shape[1]",
        ),
        (".clip(0,", ".clip(None,"),
        ("rows + 0.5 + vectors[1]", "rows + vectors[1]"),
        ("mask & valid[to_row, to_column]", "mask"),
        (") * valid, valid", "), valid"),
        ("total[:, to_row, to_column]", "total"),
    ),
    "05.1": (
        ("max(0, frames - end)", "frames - end"),
        ("gap + window - 1", "gap + window"),
        ("max(last, last + gap + window - 1)", "last + gap + window - 1"),
        ("step * (clip - 1)", "step * clip"),
        ("max(0, frames - end)", "max(0, frames - end - 1)"),
    ),
    "05.2": (
        ("int(order[at])", "int(np.argmax(usable == order[at]))"),
        ("permutation(usable)", "permutation(len(usable))"),
        ("round_, at = divmod(place, len(usable))", "round_, at = batch, place % len(usable)"),
        ("(seed, round_)", "(seed, 0)"),
        ("(seed, round_)", "seed + round_"),
    ),
    "05.3": (
        (
            "return torch.rot90(frames, 1, (-2, -1)), field, torch.rot90(mask, 1, (-2, -1))",
            "return frames, vectors, mask",
        ),
        ("[y, -x]", "[x, y]"),
        ("[y, -x]", "[-y, x]"),
        ("[y, -x]", "[y, x]"),
        ("torch.rot90(mask, 1, (-2, -1))", "mask"),
        ("torch.rot90(vectors, 1, (-2, -1)).unbind(1)", "vectors.unbind(1)"),
        ("1, (-2, -1)", "-1, (-2, -1)"),
    ),
    "06.1": (
        ("logits.max()", "logits.mean()"),
        ("logits - logits.max()", "logits"),
        ("cosines / temperature", "cosines"),
        ("np.log(np.exp(logits).sum()) - logits[own]", "-np.log(np.exp(logits[own]) / np.exp(logits).sum())"),
        ("np.log(np.exp(logits).sum()) - logits[own]", "logits[own] - np.log(np.exp(logits).sum())"),
    ),
    "06.2": (
        (".repeat(1, windows)", ".repeat(1, 2)"),
        (".repeat(1, windows)", ".repeat_interleave(windows, 1)"),
        (" | itself", ""),
        ("videos[:, None] != videos[None]", "videos[:, None] == videos[None]"),
        (
            "((videos[:, None] != videos[None]) | itself).repeat(1, windows)",
            "torch.ones(len(videos), windows * len(videos), dtype=torch.bool)",
        ),
    ),
    "06.3": (
        ("> 0.95", "> 0.9"),
        ("accuracy[0] / 3", "accuracy[0] / 2"),
        ("accuracy[1] < accuracy[0] / 3", "accuracy[1] < 0.3"),
        ("strangers.mean()", "strangers.max()"),
        ("cosines(*seen)", "cosines(*bare)"),
        ("accuracy[1] < accuracy[0] / 3", "accuracy[1] < accuracy[0]"),
    ),
    "07.1": (
        ("1e-9", "0.02"),
        (" - 1e-9", "", " + 1e-9", ""),
        ("- reach", "+ reach"),
        ("(first + last) / 2", "first"),
        ("(first + last) / 2", "last"),
        ("<= last + reach + 1e-9", "<= first + reach + 1e-9"),
    ),
    "07.2": (
        ("(there + back) / 2", "there"),
        ("(there + back) / 2", "there + back"),
        ("info_nce(frames, clips, temperature)", "info_nce(clips, frames, temperature)"),
        (
            "info_nce(clips, frames, temperature)",
            "info_nce(clips, frames, 0.3)",
            "info_nce(frames, clips, temperature)",
            "info_nce(frames, clips, 0.3)",
        ),
        ("(there + back) / 2", "torch.maximum(there, back)"),
    ),
    "07.3": (
        ("[sources].float().log().mean()", ".float().clamp(1).log().mean()"),
        (".log()", ".log2()"),
        (".float().log().mean()", ".float().mean().log()"),
        (
            "torch.bincount(sources)[sources].float().log().mean()",
            "np.log(len(sources) / len(sources.unique()))",
        ),
    ),
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
