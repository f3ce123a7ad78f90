"""The glossary's terms become links where they first stand on a page, with their meaning as a tooltip."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes

GLOSSARY = "docs/glossary"
ENTRY = re.compile(r"^\*\*(?P<head>.+?)\.\*\*\s+(?P<meaning>.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
# Words of every day, whose sense in the glossary is only one of theirs.
EVERYDAY = {
    *("cell", "chance", "context", "gap", "key", "label", "mask", "negative", "positive", "prediction"),
    *("query", "recipe", "seed", "source", "step", "stream", "test", "train", "untrained", "val", "window"),
}
NOT_IN = (
    *(nodes.reference, nodes.title, nodes.literal, nodes.literal_block, nodes.raw, nodes.rubric),
    *(nodes.FixedTextElement, addnodes.pending_xref, addnodes.desc_signature, nodes.field_name),
)


@cache
def terms(glossary: Path) -> dict[str, tuple[str, str]]:
    """The terms of a glossary in Markdown.

    Args:
        glossary: Its entries are paragraphs such as `**Block matching, search.** What it means.`

    Returns:
        Lower-case term to (anchor, the first sentence of its meaning).
    """
    found: dict[str, tuple[str, str]] = {}
    for entry in ENTRY.finditer(glossary.read_text(encoding="utf-8")):
        names = names_of(entry["head"])
        meaning = re.sub(r"[*`]|\[(.*?)\]\(.*?\)", r"\1", " ".join(entry["meaning"].split()))
        first = re.split(r"(?<=[.!?])\s", meaning, maxsplit=1)[0]
        for name in names:
            found.setdefault(name, (anchor(names[0]), first))
    return found


def names_of(head: str) -> list[str]:
    """The terms that an entry explains: `"GOP (group of pictures)"` is one, `"Gap, window"` are two."""
    return [name.strip().lower() for name in re.sub(r"\s*\([a-z].*?\)", "", head).split(",")]


def anchor(term: str) -> str:
    """Where a term's entry stands on the glossary's page."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term).strip("-")


def link_terms(app: Any, document: nodes.document, page: str) -> None:
    """On the glossary's page sets the anchors, on all others the links."""
    known = terms(Path(app.srcdir) / f"{GLOSSARY}.md")
    if page == GLOSSARY:
        for paragraph in document.findall(nodes.paragraph):
            first = next((part for part in paragraph.children if part.astext()), None)
            if isinstance(first, nodes.strong):
                paragraph["ids"].append(anchor(names_of(first.astext().rstrip("."))[0]))
        return
    home = app.builder.get_relative_uri(page, GLOSSARY)
    open_terms = set(known) - EVERYDAY
    linked: set[str] = set()
    for link in document.findall(nodes.reference):
        if link.get("refuri", "").startswith(f"{home}#"):
            linked |= _led_to_its_entry(link, linked, known, home)
    open_terms -= {name for name, (place, _) in known.items() if place in linked}
    for text in list(document.findall(nodes.Text)):
        if open_terms and not _inside(text):
            _link(text, open_terms, known, home)


def _led_to_its_entry(
    link: nodes.reference, linked: set[str], known: dict[str, tuple[str, str]], home: str
) -> set[str]:
    """Where an author's link from a term to a chapter of the glossary leads now: to the term's own entry."""
    term = " ".join(link.astext().lower().split())
    term = next((name for name in (term, term.removesuffix("s")) if name in known), "")
    if not term:
        return set()
    place, meaning = known[term]
    link["refuri"], link["reftitle"] = f"{home}#{place}", meaning
    if place not in linked:
        link["classes"].append("term")
    return {place}


def _inside(text: nodes.Text) -> bool:
    """Whether a text belongs to something that takes no links."""
    parent = text.parent
    while parent is not None:
        if isinstance(parent, NOT_IN):
            return True
        parent = parent.parent
    return False


def _link(text: nodes.Text, open_terms: set[str], known: dict[str, tuple[str, str]], home: str) -> None:
    """Replaces a text by its parts, with a link for each term that the page has not had yet."""
    pattern = _pattern(tuple(sorted(open_terms, key=len, reverse=True)))
    parts: list[nodes.Node] = []
    end = 0
    for match in pattern.finditer(text):
        term = match["term"].lower()
        if term not in open_terms:
            continue
        place, meaning = known[term]
        # One entry is one link, whichever of its names comes first.
        open_terms -= {name for name, (other, _) in known.items() if other == place}
        link = nodes.reference("", match[0], refuri=f"{home}#{place}", reftitle=meaning, internal=True)
        link["classes"].append("term")
        parts += [nodes.Text(text[end : match.start()]), link]
        end = match.end()
    if parts:
        text.parent.replace(text, [*parts, nodes.Text(text[end:])])


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    choices = "|".join(map(re.escape, names))
    return re.compile(rf"(?<![\w-])(?P<term>{choices})s?(?![\w-])", re.IGNORECASE)


def setup(app: Any) -> dict[str, bool]:
    """Adds the links when a page is complete."""
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
