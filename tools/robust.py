"""Run all pages as other processors would, and with other random numbers; say which claims held.

``python tools/robust.py [--pages NAME ...] [--variations NAME ...]`` where ``conf.py`` is takes
about as long as a cold build for each variation. What has run is kept in ``_build/robust``, so that
it may be stopped and called again. Exit code 1: a page fails, or a claim does not hold, on a
processor or with another last bit, or in more than a tenth of the draws.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from robustness.claims import by_kind, claims_of, is_robust, outcome, table
from robustness.variations import PROCESSOR, VARIATIONS, possible
from sphinx.application import Sphinx

from sphinx_lectures.execution.findings import unmet
from sphinx_lectures.execution.kernel import problems_before_running
from sphinx_lectures.execution.outputs import page_of, recorded, world_of
from sphinx_lectures.execution.page import is_to_run
from sphinx_lectures.execution.reads import Store
from sphinx_lectures.execution.schedule import run_all, run_apart
from sphinx_lectures.rebuilds.kept import load_json
from sphinx_lectures.rebuilds.publish import only_build

FOLDER = Path("_build", "robust")


def main(arguments=None):
    asked = _parsed(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with only_build(FOLDER):
        app = _application()
        docnames = [name for name in sorted(app.env.found_docs) if _is_asked(name, asked.pages)]
        if problems := list(_problems(app, docnames)):
            sys.exit("\n".join(problems))
        variations = [one for one in VARIATIONS if one.name in asked.variations]
        for one in filter(lambda one: not possible(one), variations):
            print(f"{one.name}: left out, this processor cannot compute so.", flush=True)
        variations = list(filter(possible, variations))
        outcomes = {}
        for number, variation in enumerate(variations, 1):
            print(f"{variation.name} ({number} of {len(variations)})", flush=True)
            for claim, held in _outcomes(app, variation, docnames).items():
                outcomes.setdefault(claim, {})[variation.name] = held
    lines = table(outcomes, variations)
    (FOLDER / "table.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n" + "\n".join(lines))
    return 0 if all(is_robust(by_kind(by, variations)) for by in outcomes.values()) else 1


def _parsed(arguments):
    names = [variation.name for variation in VARIATIONS]
    parser = argparse.ArgumentParser(prog="make robust", description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", nargs="+", metavar="NAME", help="of these pages only")
    parser.add_argument(
        "--variations",
        nargs="+",
        metavar="NAME",
        choices=names,
        default=names,
        help=", ".join(names),
    )
    return parser.parse_args(arguments)


def _application():
    """The site's settings and the names of its pages; nothing is built."""
    folders = {"outdir": FOLDER / "site", "doctreedir": FOLDER / "doctrees"}
    app = Sphinx(srcdir=".", confdir=".", buildername="dummy", status=None, **folders)
    app.env.find_files(app.config, app.builder)
    return app


def _is_asked(docname, names):
    return not names or docname in names or docname.rpartition("/")[2] in names


def _problems(app, docnames):
    """What `make html` has against pages before it runs them."""
    for page in filter(None, (page_of(app, name) for name in docnames)):
        for problem in problems_before_running(page.text, page.notebook):
            yield f"{os.path.relpath(page.path)}:{problem.line}: {problem.message}"


def _outcomes(app, variation, docnames):
    """Whether each claim holds in a variation; pages of which that is not known are run."""
    given = app.config.lectures_kernel_environment
    app.config.lectures_kernel_environment = {**given, **variation.environment}
    app.config.lectures_unpinned = variation.kind == PROCESSOR
    outputs = FOLDER.with_name("outputs")  # of `make html`, which learn nothing from this
    times = load_json(outputs / "times.json")
    seconds = {name: known["page"] for name, known in times.items()}
    store, world = Store(FOLDER), world_of(app)
    kept = {}

    def keep(page, run, taken):
        """Keep what came of the claims of a page; whether all of them held."""
        result, (record, edited) = _result(page, run), recorded(app, page, run)
        if edited:
            raise SystemExit(f"{', '.join(edited)} changed while {page.docname} ran; run it again")
        kept[page] = store.keep(page.key, record, result)
        return not (result["stopped"] or result["unmet"])

    try:
        found = (page_of(app, name) for name in docnames)
        pages = [page for page in found if page and is_to_run(page.notebook)]
        kept |= {page: path for page in pages if (path := store.find(page.key, world))}
        if missing := [page for page in pages if page not in kept]:
            run_apart(run_all(app, missing, seconds, keep))
    finally:
        app.config.lectures_kernel_environment = given
    return {
        claim: outcome(load_json(kept[page]), place)
        for page in pages
        for claim, place in claims_of(page, os.path.relpath(page.path)).items()
    }


def _result(page, run):
    for failure in run.failures:
        print(f"  {os.path.relpath(page.path)}:{failure.line}: {failure.message}", flush=True)
    failure = next(iter(run.failures), None)
    return {
        "stopped": failure and [failure.cell or 0, failure.message],
        "unmet": [
            [number, finding.line]
            for number, outputs in enumerate(run.outputs, 1)
            for finding in unmet(outputs)
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
