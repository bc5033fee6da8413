"""Settings of the Sphinx site: data, no functions. docs/building.md explains them."""

project = html_title = "Unrolled"
author = "The Unrolled authors"
copyright = "2026, The Unrolled authors. Code: MIT licence. Text: CC BY 4.0"
release = "0.1.0"

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton"]
extensions += ["sphinxcontrib.bibtex", "sphinx_lectures.downloads", "sphinx_lectures.execution"]
extensions += ["sphinx_lectures.exercises", "sphinx_lectures.figures", "sphinx_lectures.notebooks"]
extensions += ["sphinx_lectures.light_pages", "sphinx_lectures.printing", "sphinx_lectures.search"]
extensions += ["sphinx_lectures.sharing", "sphinx_lectures.slides", "sphinx_lectures.text"]
exclude_patterns = [".*", "_build", "tests", "README.md", "CONTRIBUTING.md", "lectures/data"]
nitpicky = numfig = True

nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
lectures_rests_on = ["requirements.lock", "lectures/matplotlibrc"]
lectures_cell_timeout = 900  # seconds: a busy machine takes ten times as long as a quiet one
lectures_kernel_environment = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # a word on stderr fails the build
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
}
lectures_pin = "x86-64-v3"  # processors with these instructions compute the same numbers

search_formulas = r"eq-[a-z]+-(.+)"  # the name in a label of an equation
search_words = "docs/search.toml"
search_without = ["docs/slides", "docs/questions", "docs/key", "docs/building", "docs/architecture"]
notebooks_extras = "notebooks"
notebooks_without = ["index"]  # it computes one figure, and teaches nothing
downloads_packages = ["unrolled"]
downloads_source = [
    *(".ci", ".github", ".gitignore", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in"),
    *("Makefile", "README.md", "benchmarks", "conf.py", "docs", "index.md", "lectures"),
    *("pyproject.toml", "requirements.lock", "src", "tests", "tools"),
]
notebooks_data = ["lectures/data"]  # what may be given away with a notebook that reads it

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
bibtex_bibfiles = ["docs/references.bib"]
bibtex_reference_style = "author_year"
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autosummary_generate = False  # nobody asks for it, and it imports the library at each build
autodoc_typehints = "none"  # docstrings give types and shapes
autodoc_mock_imports = ["keras", "tensorflow"]  # the reference needs their names only

html_theme = "sphinx_book_theme"
html_favicon = "docs/_static/icon.svg"
html_static_path = ["docs/_static"]
html_css_files = ["fonts/fonts.css", "unrolled.css"]
html_js_files = [("keyboard.js", {"defer": "defer"})]
math_numfig = False
templates_path = ["docs/_templates"]
html_additional_pages = {"404": "404.html"}
html_context = {"author": author, "released": "23 November 2026"}  # as CITATION.cff says
html_theme_options = {
    "footer_content_items": "imprint.html",
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],  # one search button, not two
    "pygments_dark_style": "github-dark-colorblind",
}
sitemap_url_scheme = "{link}"
sitemap_excludes = ["404.html", "search.html"]
ogp_social_cards = {"image_mini": "docs/_static/icon.png", "line_color": "#4f9dff"}
html_use_index = html_domain_indices = html_copy_source = False
