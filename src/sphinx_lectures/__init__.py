"""Sphinx extensions that bind executed lectures into a book: fast, private, accessible and true.

Each extension is one module with its own ``setup(app)``; none knows what the lectures are about.
``python -m sphinx_lectures`` builds the site of the current folder and publishes it only whole.
"""
