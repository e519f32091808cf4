"""How Sphinx makes a site of the pages: `make docs`.

Its source is the whole checkout, so that the links of a page lead where they lead on a git host.
"""

import pyffaudio

project = "pyffaudio"
author = copyright = "pyffaudio developers"
version = release = pyffaudio.__version__

root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# The docstrings say the types, in words.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
default_role = "literal"
nitpick_ignore_regex = [
    ("py:class", r"(RuntimeError|ValueError|object|tuple)"),  # Python's own have no page here
    ("py:class", r"pyffaudio\.reader\.AudioReader"),  # it has one by its public name
]

html_theme = "furo"
html_title = f"pyffaudio {release}"
html_extra_path = ["site"]
html_copy_source = False
