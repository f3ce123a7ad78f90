"""The course's notebooks as pages: stored outputs, folded exercises, explorables that need no kernel."""

from __future__ import annotations

import html
import json
from typing import Any

import nbformat
from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
FOLDED = {"exercise", "check"}  # tags of cells whose source opens with a click
LEFT_OUT = "setup"  # the tag of the cell that matters on other people's machines only


def read(text: str) -> NotebookNode:
    """A stored notebook, made ready for its page.

    Args:
        text: The contents of an `.ipynb` file.

    Returns:
        A notebook whose widgets are plain HTML and pictures, and whose exercises are folded.
    """
    notebook = nbformat.reads(text, as_version=4)
    models = notebook.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    notebook.cells = [cell for cell in notebook.cells if LEFT_OUT not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if FOLDED & set(cell.metadata.get("tags", [])):
            cell.metadata.tags.append("hide-input")
        outputs = cell.get("outputs", [])
        cell.outputs = [shown for output in outputs for shown in _without_kernel(output, models)]
        if cell.cell_type != "code":
            del cell["outputs"]
    return notebook


def _without_kernel(output: NotebookNode, models: dict[str, Any]) -> list[NotebookNode]:
    """What stands on the page for an output: itself, unless it is a widget."""
    view = output.get("data", {}).get(WIDGET_VIEW)
    if view is None:
        return [output]
    model = models[view["model_id"]]
    if model["model_module"] == "anywidget":
        return [_html(explorable(model))]
    return _as_it_stood(view["model_id"], models)


def explorable(model: dict[str, Any]) -> str:
    """The place of an explorable that a notebook has stored.

    Args:
        model: Of the widget: its state, and its buffer `data`.
    """
    state = model["state"]
    buffers = {buffer["path"][0]: buffer["data"] for buffer in model.get("buffers", [])}
    return mounted(
        {
            "name": state["_anywidget_id"].rsplit(".", 1)[1],
            "module": state["_esm"],
            "style": state["_css"],
            "state": state["state"],
            "data": buffers.get("data", ""),
        }
    )


def mounted(traits: dict[str, Any]) -> str:
    """The place where explorables.js mounts an explorable, with all that it needs.

    Args:
        traits: `name`, `module` (an ES module), `style` (CSS), `state`, and `data` in base64.
    """
    label = html.escape(traits["state"]["label"])
    stored = json.dumps(traits).replace("<", "\\u003c")  # cannot end the script element it stands in
    return (
        f'<div class="explorable-place" data-name="{traits["name"]}">'
        f'<script type="application/json">{stored}</script>'
        f"<noscript>{label}</noscript></div>"
    )


def _as_it_stood(model_id: str, models: dict[str, Any]) -> list[NotebookNode]:
    """The words and the picture of a laboratory, whose sliders need a running notebook."""
    words, pictures, queue = [], [], [model_id]
    while queue:
        model = models[queue.pop(0)]
        state = model["state"]
        queue += [child.removeprefix("IPY_MODEL_") for child in state.get("children", [])]
        if model["model_name"] == "HTMLModel":
            words.append(state["value"])
        elif model["model_name"] == "ImageModel":
            pictures += [buffer["data"] for buffer in model["buffers"] if buffer["path"] == ["value"]]
    said = "; ".join(words)
    shown = [_picture(picture, said) for picture in pictures]
    note = f"{said}. The sliders move in a running notebook; this is where they begin."
    return [*shown, _html(f'<p class="laboratory">{note}</p>')]


def _html(text: str) -> NotebookNode:
    return nbformat.v4.new_output("display_data", {"text/html": text})


def _picture(png: str, alt: str) -> NotebookNode:
    metadata = {"image/png": {"alt": alt}}
    return nbformat.v4.new_output("display_data", {"image/png": png}, metadata=metadata)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx asks for it; `nb_custom_formats` does the rest."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}
