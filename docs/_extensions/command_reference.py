"""The directive `{commands}`: what each command of `cvrl-lite` says with `--help`."""

from __future__ import annotations

import argparse
import os
from typing import Any
from unittest import mock

from docutils import nodes
from docutils.parsers.rst import Directive

from cvrl_lite.cli import parser

WIDTH = "96"  # letters of a line


class Commands(Directive):
    """A section for each command, with its help."""

    def run(self) -> list[nodes.Node]:
        """In the order of `cvrl-lite --help`."""
        choices = next(
            action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
        )
        sections: list[nodes.Node] = []
        with mock.patch.dict(os.environ, COLUMNS=WIDTH, NO_COLOR="1"):
            for name, command in choices.items():
                title = nodes.title("", "", nodes.literal("", f"cvrl-lite {name}"))
                says = command.format_help()
                section = nodes.section("", title, nodes.literal_block(says, says, language="none"))
                section["ids"], section["names"] = [f"cvrl-lite-{name}"], [f"cvrl-lite {name}"]
                sections.append(section)
        return sections


def setup(app: Any) -> dict[str, bool]:
    """Adds the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
