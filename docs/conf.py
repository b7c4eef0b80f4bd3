"""How the documentation is built: ``sphinx-build -W -n -b html docs docs/_build/html``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import from_code

import reconnect

project = "reconnect"
author = "the reconnect maintainers"
project_copyright = "the reconnect maintainers"
version = release = reconnect.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "from_code",
    "herd_pages",
    "layout",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
nitpicky = True
# There is no inventory of another project: a build needs no network. What the standard library
# and the SDK name cannot be linked, and is listed here as narrowly as it can be.
nitpick_ignore_regex = [
    ("py:class", r"types\.\w+|google\.genai\.client\.Client"),
    ("py:class", r"tenacity\.RetryCallState|AsyncRetrying"),
    ("py:(class|exc)", r"hypothesis\..+|google\.genai\.errors\.APIError"),
    ("py:class", r"(opentelemetry\.)?(trace\.TracerProvider|metrics\.MeterProvider)"),
    ("py:class", r"collections\.abc\.\w+|ssl\.SSLContext|TracebackType"),
]

myst_enable_extensions = ["colon_fence", "deflist", "substitution"]
myst_heading_anchors = 3
myst_substitutions = from_code.numbers()

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

doctest_test_doctest_blocks = ""

html_theme = "furo"
html_title = f"reconnect {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False
