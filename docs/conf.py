"""The site: `make site` builds it from the documents, the docstrings and the notebooks' stored outputs."""

import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "cvrl-lite"
author = "The cvrl-lite authors"
copyright = author
html_title = project
language = "en"

# The repository is the source folder, so that a link between two files is the same on GitHub and here.
root_doc = "index"
include_patterns = [
    "index.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "data/README.md",
    "docs/**.md",
    "notebooks/*.ipynb",
]
exclude_patterns = [".*", "build", "dist", "runs", "docs/README.md", "**/.ipynb_checkpoints"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "command_reference",
    "course_notebooks",
    "glossary_terms",
    "opening",
    "repository_links",
]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "attrs_inline"]

nb_custom_formats = {".ipynb": "course_notebooks.read"}
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # explorables are mounted by explorables.js; nothing comes from elsewhere
nb_merge_streams = True
nb_code_prompt_show = "Show this cell"
nb_code_prompt_hide = "Fold this cell"

default_role = "py:obj"  # docstrings write `name`, as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # they stand in the signature
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_js_files = [("explorables.js", {"type": "module"})]
html_context = {"default_mode": "auto"}  # light or dark as the system is
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "repository_url": PROJECT["urls"]["Repository"],
    "launch_buttons": {
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    },
    "navbar_persistent": [],  # the side bar has the search
    "path_to_docs": "",
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
}


def setup(app: Sphinx) -> None:
    """What has no setting: the fields of a class are called attributes, not variables."""
    next(field for field in PyObject.doc_field_types if field.name == "variable").label = "Attributes"
