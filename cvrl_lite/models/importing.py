"""Imports objects that a recipe names as "module:name"."""

from __future__ import annotations

import importlib
from typing import Any


def imported(path: str) -> Any:
    """Imports the object "module:name".

    Raises:
        ValueError: The module or the name does not exist.

    Example:
        >>> imported("math:sqrt")(9.0)
        3.0
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise ValueError(f"{path}: not of the form module:name")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"{path}: cannot be imported: {error}") from None
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ValueError(f"{path}: {module} has no {name}") from None
    return found
