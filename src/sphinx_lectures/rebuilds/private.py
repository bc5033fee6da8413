"""What `rebuilds` touches of Sphinx beyond its documented interface."""

PRIVATE = (
    "sphinx.application.Sphinx._warncount",
    "sphinx.application.Sphinx.parallel",
    "sphinx.environment.BuildEnvironment.files_to_rebuild",
    "sphinx.environment.BuildEnvironment.dependencies",
    "sphinx.environment.BuildEnvironment.toc_fignumbers",  # and all that `of_all_pages` gives
    "sphinx.search.IndexBuilder._index_entries",
    "sphinx.search.IndexBuilder._mapping",
    "sphinx.search.IndexBuilder._objnames",
    "sphinx.search.IndexBuilder._objtypes",
    "sphinx.search.IndexBuilder._title_mapping",
    "sphinx.search.IndexBuilder._titles",
)
#: What the environment holds besides what one page may show of another: its workings, and what
#: stands at the head of a page.
WORKINGS = {
    *("app", "config", "config_status", "config_status_extra", "current_document", "domains"),
    *("dependencies", "included", "all_docs", "reread_always", "doctreedir", "srcdir", "project"),
    *("events", "settings", "version", "versioning_compare", "versioning_condition"),
    *("files_to_rebuild", "ref_context", "metadata", "lectures_unmet"),
    *("lectures_code", "lectures_shown"),
}


def had_warnings(app):
    """Whether the build has drawn a warning so far."""
    return bool(app._warncount)


def set_processes(app, number):
    """By how many processes pages are read and written."""
    app.parallel = number


def forget_tables_of_contents(env):
    """Sphinx would write a table of contents again with each page that stands in it."""
    env.files_to_rebuild = {}


def of_all_pages(env):
    """What an environment holds that one page may show of another, by name."""
    names = (name for name in vars(env) if not name.startswith("_") and name not in WORKINGS)
    return {name: vars(env)[name] for name in names}


def complete_index(indexer, entries):
    """Mend a search index, for which Sphinx keeps no index entries of pages that it did not write.

    `entries` are those of the last build, by page; those of this one are returned.
    """
    entries = {**entries, **indexer._index_entries}
    indexer._index_entries = {name: entries[name] for name in sorted(indexer._titles)}
    for words in (indexer._mapping, indexer._title_mapping):
        for word in [word for word, pages in words.items() if not pages]:
            del words[word]
    # The numbers of the kinds of objects are those of an index that is made afresh.
    indexer._objtypes.clear()
    indexer._objnames.clear()
    return indexer._index_entries
