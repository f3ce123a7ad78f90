"""Links to files that are not pages, such as a script, lead to the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform


class RepositoryLinks(SphinxTransform):
    """Before Sphinx takes such links for downloads and copies the files."""

    default_priority = 5

    def apply(self, **kwargs: Any) -> None:
        """Makes each of them a link to the file in the repository."""
        root = Path(self.app.srcdir)
        page = (root / self.env.docname).parent
        for link in list(self.document.findall(self._leads_off)):
            base = root if link.get("refdomain") == "doc" else page
            path = (base / link["reftarget"]).resolve().relative_to(root)
            if not path.suffix and (root / path).with_suffix(".md").is_file():
                path = path.with_suffix(".md")
            address = f"{self.config.html_theme_options['repository_url']}/blob/main/{path.as_posix()}"
            link.replace_self(nodes.reference("", "", *link.children, refuri=address))

    def _leads_off(self, node: nodes.Node) -> bool:
        """Whether a node is a link to a file that exists and is no page."""
        if isinstance(node, addnodes.pending_xref) and node.get("refdomain") == "doc":
            return node["reftarget"] not in self.env.found_docs
        if isinstance(node, addnodes.pending_xref) and node.get("reftype") == "myst":
            return (Path(self.env.doc2path(self.env.docname)).parent / node["reftarget"]).is_dir()
        return isinstance(node, addnodes.download_reference)


def setup(app: Any) -> dict[str, bool]:
    """Adds the transform."""
    app.add_transform(RepositoryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
