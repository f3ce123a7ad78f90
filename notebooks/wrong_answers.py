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
    "00.1": (
        ("counts.max(axis=1).sum() / counts.sum()", "(counts.max(axis=1) / counts.sum(axis=1)).mean()"),
        ("counts.max(axis=1)", "counts.max(axis=0)"),
        ("counts.max(axis=1).sum()", "counts.max()"),
        ("counts.max(axis=1).sum() / counts.sum()", "1 / counts.shape[1]"),
        ("counts.max(axis=1).sum() / counts.sum()", "counts.sum(axis=0).max() / counts.sum()"),
    ),
    "01.1": (
        ("min(", "max("),
        ("(1 - w) * context + w * motion", "w * context + (1 - w) * motion"),
        ("np.argmax", "np.argmin"),
        ("weights[np.argmax(smaller)]", "np.argmax(smaller)"),
        ("weights[np.argmax(smaller)]", "0.5"),
    ),
    "02.1": (
        ("length * (length + 1) / 2", "length * (length - 1) / 2"),
        ("length * (length + 1) / 2", "length * length / 2"),
        (
            "sum(length * (length + 1) / 2 for length in gop_lengths)",
            "sum((length + 1) / 2 for length in gop_lengths)",
            "total / sum(gop_lengths)",
            "total / len(gop_lengths)",
        ),
        ("total / sum(gop_lengths)", "(max(gop_lengths) + 1) / 2"),
    ),
    "02.2": (
        ("< 0.15", "< 0.5"),
        ("< 0.15", "< 0.3"),
        ("< 0.15", "< 0.03"),
        ("< 0.15", "== 0"),
        ('picture_types == "P"', 'picture_types != "I"'),
        ('(picture_types == "P") & ', ""),
    ),
    "02.3": (
        ('"crf": 25', '"crf": 20'),
        ('"crf": 25', '"crf": 31'),
        ('"gop": 12', '"gop": 42'),
        ('"gop": 12, "crf": 25', '"gop": 1, "crf": 31'),
        ('"crf": 25', '"crf": 25, "references": 4'),
        ('"crf": 25', '"crf": 25, "b_frames": 2'),
        ('return {"gop": 12, "crf": 25}', "return 12, 25"),
    ),
    "03.1": (
        ("np.median", "np.mean"),
        ("vectors[t][:, mask[t]], axis=1", "vectors[t], axis=(1, 2)"),
        ("np.median", "-np.median"),
        ("np.cumsum(steps, axis=0)", "steps"),
        ("np.cumsum(steps, axis=0)", "np.cumsum(steps, axis=1)"),
        ("steps[t] = ", "steps[t] = t * "),
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
        ("np.abs(values) > 4", "np.abs(values) > 40"),
        ("> 0.4:", "> 0.05:"),
        ("> 0.4:", "> 0.99:"),
        ("> 0.03", "> 0.5"),
        ("> 0.03", ">= 0"),
        ("~mask", "mask"),
        ("(np.abs(values) > 4).mean() > 0.4", "(np.abs(values) > 4).mean() > 0.4 and mask.all()"),
    ),
    "04.2": (
        (".clip(0, height - 1)", " % height", ".clip(0, width - 1)", " % width"),
        (".clip(0,", ".clip(None,"),
        ("np.rint(", "np.floor("),
        ("known & valid[to_y, to_x]", "known"),
        (") * valid, valid", "), valid"),
        ("total[:, to_y, to_x]", "total"),
        ("y + step[1]", "y - step[1]"),
    ),
    "05.1": (
        ("frames - (starts - 1) - gap", "frames - gap"),
        ("frames - (starts - 1) - gap", "frames - starts - gap"),
        ("max(0, room // (clip - 1))", "room // (clip - 1)"),
        ("room // (clip - 1)", "room // clip"),
        ("room // (clip - 1)", "-(-room // (clip - 1))"),
        (" - gap - window", " - gap"),
    ),
    "05.2": (
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
    "05.3": (
        ("int(order[at])", "int(np.argmax(usable == order[at]))"),
        ("permutation(usable)", "permutation(len(usable))"),
        ("epoch, at = divmod(place, len(usable))", "epoch, at = batch, place % len(usable)"),
        ("(seed, epoch)", "(seed, 0)"),
        ("(seed, epoch)", "seed + epoch"),
    ),
    "06.1": (
        ("logits.max()", "logits.mean()"),
        ("logits - logits.max()", "logits"),
        ("cosines / temperature", "cosines"),
        ("np.log(np.exp(logits).sum()) - logits[own]", "-np.log(np.exp(logits[own]) / np.exp(logits).sum())"),
        ("np.log(np.exp(logits).sum()) - logits[own]", "logits[own] - np.log(np.exp(logits).sum())"),
    ),
    "06.2": (
        ("> 0.95", "> 0.1"),
        ("> 0.95", "> 1"),
        ("accuracy[1] < accuracy[0] / 3", "accuracy[1] < 0.3"),
        ("accuracy[1] < accuracy[0] / 3", "accuracy[0] < 0.5"),
        ("accuracy[1] < accuracy[0] / 3", "accuracy[1] < accuracy[0]"),
        ("strangers.mean()", "strangers.max()"),
        ("cosines(*seen)", "cosines(*bare)"),
    ),
    "06.3": (
        (".repeat(1, windows)", ".repeat(1, 2)"),
        (".repeat(1, windows)", ".repeat_interleave(windows, 1)"),
        (" | itself", ""),
        ("videos[:, None] != videos[None]", "videos[:, None] == videos[None]"),
        (
            "((videos[:, None] != videos[None]) | itself).repeat(1, windows)",
            "torch.ones(len(videos), windows * len(videos), dtype=torch.bool)",
        ),
    ),
    "07.1": (
        ("(times[clip[0]] + times[clip[-1]]) / 2", "times[clip[0]]"),
        ("(times[clip[0]] + times[clip[-1]]) / 2", "times[clip[-1]]"),
        ("times[keys] - (times[clip[0]] + times[clip[-1]]) / 2", "keys - (clip[0] + clip[-1]) / 2"),
        ("keys[away.argmin()], keys[away.argmax()]", "away.argmin(), away.argmax()"),
        ("keys[away.argmin()], keys[away.argmax()]", "keys[away.argmax()], keys[away.argmin()]"),
        ("np.abs(times[keys] - (times[clip[0]] + times[clip[-1]]) / 2)", "times[keys] - times[clip].mean()"),
    ),
    "07.2": (
        ("[sources].float().log().mean()", ".float().clamp(1).log().mean()"),
        (".log()", ".log2()"),
        (".float().log().mean()", ".float().mean().log()"),
        (
            "torch.bincount(sources)[sources].float().log().mean()",
            "np.log(len(sources) / len(sources.unique()))",
        ),
    ),
    "07.3": (
        ("0.9, 0.8, 0.8, 0.8", "0.9, 0.3, 0.3, 0.3"),
        ("0.9, 0.8, 0.8, 0.8", "0.9, 0.9, 0.8, 0.8"),
        ("0.9, 0.8, 0.8, 0.8", "0.9, 0.8, 0.8, 0.5"),
        ("table[0] =", "table[:, 0] ="),
        ("    table[0] = torch.tensor([0.9, 0.8, 0.8, 0.8])\n", ""),
        ("0.9, 0.8, 0.8, 0.8", "9.0, 8.0, 8.0, 8.0"),
    ),
    "08.1": (
        ("np.log(windows * counts[kind.ravel()]).mean()", "np.log((windows * counts[kind.ravel()]).mean())"),
        ("windows * counts[kind.ravel()]", "windows * counts"),
        ("windows * counts[kind.ravel()]", "counts[kind.ravel()]"),
        ("counts[kind.ravel()]", "board.size / len(counts)"),
        ("np.log(windows", "np.log2(windows"),
    ),
    "08.2": (
        ("kinds != kind", "kinds == kind"),
        ("kinds != kind", "kinds == 0"),
        ("kinds != kind", "(kinds != kind) & (kinds != 0)"),
        ("cosines[kinds == 0] > rivals", "cosines.diagonal() > rivals"),
        (".amax(1)", ".nan_to_num(0, 0, 0).mean(1)"),
    ),
    "08.3": (
        ("allowed | ~own", "allowed | (~own & future)"),
        ("own & future", "own"),
        ("own & ~future", "own"),
        ("query[:, None] == key", "torch.zeros(len(query), len(key), dtype=torch.bool)"),
        ("key // points % videos", "key // points // (1 + others)"),
    ),
    "09.1": (
        ("torch.clamp(first @ second, max=0)", "first @ second"),
        ("torch.clamp(first @ second, max=0)", "torch.clamp(first @ second, min=0)"),
        ("/ (second @ second)", "/ second.norm()", "/ (first @ first)", "/ first.norm()"),
        ("/ (second @ second) * second", "* second"),
        ("/ (first @ first) * first", "/ (second @ second) * first"),
        (" - against / (first @ first) * first", ""),
    ),
    "09.2": (
        (
            "(motion @ motion - both) / (context @ context - both)",
            "motion.norm() / context.norm()",
        ),
        (
            "(motion @ motion - both) / (context @ context - both)",
            "(motion @ motion) / (context @ context)",
        ),
        (
            "(motion @ motion - both) / (context @ context - both)",
            "(context @ context - both) / (motion @ motion - both)",
        ),
        ("- both) / (context @ context - both)", "+ both) / (context @ context + both)"),
    ),
    "09.3": (
        ("[seed, step]", "seed + step"),
        ("[seed, step]", "[seed]"),
        ("[seed, step]", "[seed, first]"),
        ("[seed, step]", "step"),
        ("range(first, steps)", "range(first, steps + 1)"),
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
    "11.1": (
        ("X.max(0) > X.min(0)", "X.std(0) > 1e-6"),
        ("X.max(0) > X.min(0)", "X.std(0) > 0"),
        ("(X_val - mean) * factor", "(X_val - X_val.mean(0)) * factor"),
        ("varies / np.where", "1 / np.where"),
        ("X.std(0)", "X.std(0, ddof=1)"),
    ),
    "11.2": (
        ("(difference / 2) ** 2", "difference**2"),
        (" + difference**2", ""),
        ("second - first", "max(0, second - first)"),
        ("videos * (difference / 2) ** 2", "2 * videos * (difference / 2) ** 2"),
        ("difference**2", "difference"),
    ),
    "11.3": (
        ("logits.mean(1).argmax(1)", "logits.amax(1).argmax(1)"),
        ("logits.softmax(2).mean(1)", "logits.softmax(2).amax(1)"),
        ("logits.softmax(2).mean(1)", "logits.softmax(1).mean(1)"),
        ("logits.softmax(2).mean(1).argmax(1)", "logits.argmax(2).mode(1).values"),
        ("logits.mean(1).argmax(1)", "logits.softmax(2).mean(1).argmax(1)"),
    ),
    "12.1": (
        ('- {"name"} == {part}', '- {"name", "clips"} == {part}'),
        ('{key for key in one if one[key] != other[key]} - {"name"} == {part}', "one[part] != other[part]"),
        (' - {"name"} == {part}', ' == {part, "name"}'),
        ("== {part}", "<= {part}"),
        ('- {"name"} == {part}', '- {"name", "batch"} == {part}'),
    ),
    "12.2": (
        ("random.normal(0, s, n)", "np.zeros(n)"),
        ("low <= 0 <= high", "not low <= 0 <= high"),
        ("difference(with_it, without)", "difference(with_it, without, paired=True)"),
        ("s, n)", "s**2, n)"),
        ("low <= 0 <= high", "low <= 0"),
        ("random.normal(size, s, n)", "random.normal(2 * size, s, n)"),
    ),
    "12.3": (
        ("any(", "sum("),
        ("any(", "all("),
        ("random.normal(0, 1, n), reference)", "random.normal(0, 1, n), random.normal(0, 1, n))"),
        ("return alarms / draws", "return 1 - 0.95**variants"),
        ("low > 0 or high < 0", "high < 0"),
    ),
    "13.1": (
        ("np.std(means) > 1", "np.std(means) > 10"),
        ("> 0 else", "< 0 else"),
        ("abs(np.mean(means)) < 0.3", "np.mean(means) < 0.3"),
        ("abs(np.mean(means)) < 0.3", "abs(np.mean(means)) < 3"),
    ),
    "13.2": (
        ("round(where * (len(video.frames) - 1))", "len(video.frames) // 2"),
        ("frame.mean((0, 1))", "frame.mean((0, 1, 2), keepdims=True)[0, 0]"),
        ("distances.argmin(1)", "distances.argmax(1)"),
        (
            "colors[1][:, None] - colors[0]",
            "colors[1][:, None] - colors[1]",
        ),
        ("axis=2)", "axis=2).round(-1)"),
    ),
    "13.3": (
        ("(np.mean(with_it) - guess) / (np.mean(without) - guess)", "np.mean(with_it) / np.mean(without)"),
        ("(np.mean(without) - guess)", "np.mean(without)"),
        ("np.mean", "np.median"),
        ("(np.mean(with_it) - guess) / (np.mean(without) - guess)", "np.mean(shares)"),
        (
            "[(with_one - guess) / (one - guess) for with_one in with_it for one in without]",
            "(with_it - guess) / (without - guess)",
        ),
        (
            "return min(shares), (np.mean(with_it) - guess) / (np.mean(without) - guess), max(shares)",
            "return (np.mean(with_it) - guess) / (np.mean(without) - guess)",
        ),
    ),
    "14.1": (
        ("(lengths * (lengths + 1) / 2).sum() / lengths.sum()", "((lengths + 1) / 2).mean()"),
        ("(lengths + 1)", "lengths"),
        ("(lengths + 1)", "(lengths - 1)"),
        ("/ lengths.sum()", "/ len(lengths)"),
        ("(lengths * (lengths + 1) / 2).sum() / lengths.sum()", "(lengths.mean() + 1) / 2"),
    ),
    "14.2": (
        (r"\d{4}(?=\.)", r"00\d\d"),
        (r"\d{4}(?=\.)", r"\d{4}"),
        (r"\d{4}(?=\.)", r"\d{2}(?=\.)"),
        (r"\d{4}(?=\.)", r"GX\d\d"),
    ),
    "14.3": (
        ("round(share * len(sources))", "int(np.ceil(share * len(sources)))"),
        ("round(share * len(sources))", "int(share * len(sources))"),
        ("sources[len(sources) - round(share * len(sources)) :]", "sources[-round(share * len(sources)) :]"),
        ("sources[len(sources) - round(share * len(sources)) :]", "sources[: round(share * len(sources))]"),
        ("sorted({entry.source for entry in entries})", "[entry.source for entry in entries]"),
    ),
    "15.1": (
        ("\n}", "\n}\nguesses = dict(list(guesses.items())[:2])"),
        ("\n}", "\n}\nguesses = dict.fromkeys(guesses, 'Surfing')"),
        ("\n}", "\n}\nguesses = dict(zip(guesses, sorted(guesses.values(), reverse=True)))"),
        ("\n}", "\n}\nguesses = {name: letter for letter, name in guesses.items()}"),
    ),
    "15.2": (
        ("random.integers(0, len(rows), len(rows))", "random.permutation(len(rows))"),
        ("np.concatenate([rows[number] for number in drawn])", "random.integers(0, len(one), len(one))"),
        ("(one - other)[clips].mean()", "np.mean([(one - other)[rows[n]].mean() for n in drawn])"),
        (
            "(one - other)[clips].mean()",
            "one[clips].mean() - other[random.integers(0, len(other), len(other))].mean()",
        ),
        ("np.concatenate([rows[number] for number in drawn])", "[rows[number][0] for number in drawn]"),
    ),
    "15.3": (
        ("np.mean(context != motion)", "abs(np.mean(context) - np.mean(motion))"),
        ("np.mean(context != motion)", "np.mean(context.mean(0) != motion.mean(0))"),
        (
            "itertools.combinations(range(len(context)), 2)",
            "itertools.product(range(len(context)), repeat=2)",
        ),
        ("for part in (context, motion)", "for part in (context,)"),
        ("return between, np.mean(within)", "return np.mean(within), between"),
    ),
}
