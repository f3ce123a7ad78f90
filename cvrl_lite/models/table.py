"""A summary of a network as a table: layers, output shapes and parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


def describe(model: nn.Module, *inputs: Any, depth: int = 2) -> str:
    """The layers of a network, with their output shapes for an example and their parameters.

    The model runs once, in evaluation mode and without gradients; its mode, weights and statistics are not
    changed. With model and inputs on the `meta` device nothing is computed.

    Args:
        model: Any network.
        inputs: What its `forward` takes, with any batch size.
        depth: Number of levels of nested modules to show, at least 0. Lists of modules do not count as a
            level, and deeper modules are summed up in the module around them.

    Returns:
        Lines of name, type, output shape ("-" if the module did not run) and parameters, and the total.
        Shared parameters count once, at their first use; a module's own parameters have a separate line
        if its submodules are shown.

    Example:
        >>> print(describe(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.zeros(2, 3)))
        name   type    output  parameters
        0      Linear  (2, 4)          16
        1      ReLU    (2, 4)           0
        total                          16
    """
    parts = list(_parts(model, "", depth))
    shapes = _output_shapes(model, inputs, [module for _, module, whole in parts if whole])
    seen: set[nn.Parameter] = set()
    rows = [("name", "type", "output", "parameters")]
    for name, module, whole in parts:
        own = set(module.parameters(recurse=whole)) - seen
        seen |= own
        if whole:
            kind, shape = type(module).__name__.lstrip("_"), shapes.get(module, "-")
            rows.append((name, kind, shape, _total(own)))
        elif own:
            rows.append((name, "(its own)", "", _total(own)))
    rows.append(("total", "", "", _total(seen)))
    first, second, third, last = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{n:<{first}}  {k:<{second}}  {s:<{third}}  {c:>{last}}" for n, k, s, c in rows)


def weights_digest(model: nn.Module) -> str:
    """64 hexadecimal digits that change with any weight, statistic, or name of one.

    Args:
        model: Any network, on any device.

    Example:
        >>> weights_digest(nn.ReLU()) == weights_digest(nn.Sigmoid())  # neither has weights
        True
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _total(parameters: set[nn.Parameter]) -> str:
    return f"{sum(value.numel() for value in parameters):,}"


def _parts(module: nn.Module, name: str, depth: int) -> Iterator[tuple[str, nn.Module, bool]]:
    """Name, module, and whether it includes its submodules, in the order of definition."""
    listed = isinstance(module, nn.ModuleList | nn.ModuleDict)
    children = list(module.named_children())
    # Attention calls its output layer by its weights, never as a module: it is one layer.
    if not children or isinstance(module, nn.MultiheadAttention) or (depth <= 0 and not listed):
        yield name or type(module).__name__, module, True
        return
    yield name or type(module).__name__, module, False
    for key, child in children:
        yield from _parts(child, f"{name}.{key}" if name else key, depth if listed else depth - 1)


def _output_shapes(
    model: nn.Module, inputs: tuple[Any, ...], modules: list[nn.Module]
) -> dict[nn.Module, str]:
    """The first output of each module in one run; the model is not changed."""
    shapes: dict[nn.Module, str] = {}

    def note(module: nn.Module, _: Any, output: Any) -> None:
        shapes.setdefault(module, _shapes(output))

    training = {module: module.training for module in model.modules()}
    hooks = [module.register_forward_hook(note) for module in set(modules)]
    try:
        model.eval()
        with torch.no_grad():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in training.items():
            module.training = mode
    return shapes


def _shapes(output: Any) -> str:
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    parts = output if isinstance(output, tuple | list) else ()
    return " ".join(_shapes(part) for part in parts if part is not None)
