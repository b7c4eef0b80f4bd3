"""How the documentation is built: ``sphinx-build -W -n -b html docs docs/_build/html``.

The pages are plain Markdown, so that a code host and an editor show them as they are. What is made
from the code is written into them by ``python docs/_make``.
"""

import re

from sphinx.application import Sphinx

import reconnect

project = "reconnect"
author = "the reconnect maintainers"
project_copyright = "the reconnect maintainers"
version = release = reconnect.__version__

extensions = ["myst_parser"]
exclude_patterns = ["_build", "_make"]
nitpicky = True
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"reconnect {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_use_index = False  # the reference is the index


def add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Give the sidebar the pages that the first page links to, in its order."""
    if page == "index":
        pages = dict.fromkeys(re.findall(r"\]\((\w+)\.md\)", source[0]))
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *pages, "```\n"])


def setup(app: Sphinx) -> None:
    """Add the contents."""
    app.connect("source-read", add_contents)
