"""What the pages claim, and how often it held: the table of ``make robust``."""

from __future__ import annotations

from typing import NamedTuple

from robustness.variations import DRAW, LAST_BIT, LEAST_SHARE, PROCESSOR
from sphinx_lectures.execution.findings import claims, is_finding
from sphinx_lectures.execution.page import cell_line, code_cells

KINDS = (PROCESSOR, LAST_BIT, DRAW)
HELD, FAILED, UNKNOWN = "+", "-", " "


class Claim(NamedTuple):
    """A finding, or (without a line) that all cells of a page run."""

    file: str
    line: int | None


def claims_of(page, file):
    """All claims of a page, from top to bottom, with the cell and the line of it that make them."""
    lines = {Claim(file, None): None}
    for number, (index, cell) in enumerate(code_cells(page.notebook), 1):
        if is_finding(cell):
            first = cell_line(page.text, page.notebook, index) - 1
            lines |= {Claim(file, first + line): (number, line) for line in claims(cell.source)}
    return lines


def outcome(result, place):
    """Whether a claim made in `place` held in a run; unknown if the run ended before it."""
    stopped = result["stopped"]
    if place is None:
        return FAILED if stopped else HELD
    if list(place) in result["unmet"]:
        return FAILED
    return UNKNOWN if stopped and place[0] >= stopped[0] else HELD


def share(outcomes):
    """How often a claim held, as (times, runs that say so)."""
    known = [one for one in outcomes if one != UNKNOWN]
    return known.count(HELD), len(known)


def is_robust(by_kind):
    """Whether a claim holds often enough: see `variations`."""
    for kind, outcomes in by_kind.items():
        held, known = share(outcomes)
        if held < (LEAST_SHARE * known if kind == DRAW else known):
            return False
    return True


def table(outcomes, variations):
    """Lines of text: every claim that ever failed, by variation, and how often it held.

    Parameters
    ----------
    outcomes : dict
        By claim: for each variation's name, whether it held.
    variations : list of Variation
        In the order of the columns.

    Returns
    -------
    list of str
        Of the claims that always held, only the number is said.
    """
    failed = {claim: by for claim, by in outcomes.items() if FAILED in by.values()}
    names = [f"{claim.file}:{claim.line or 'runs'}" for claim in failed]
    width = max([len("claim"), *map(len, names)])
    head = [f"{number:>2}: {variation.name}" for number, variation in enumerate(variations, 1)]
    numbers = " ".join(f"{number:>2}" for number in range(1, len(variations) + 1))
    lines = ["Columns:", *head, "", f"{'claim':<{width}} {numbers}  {'  '.join(KINDS)}"]
    for name, by in zip(names, failed.values(), strict=True):
        marks = " ".join(f" {by[variation.name]}" for variation in variations)
        shares = "  ".join(
            f"{'{}/{}'.format(*share(outcomes)):>{len(kind)}}"
            for kind, outcomes in by_kind(by, variations).items()
        )
        weak = "" if is_robust(by_kind(by, variations)) else "  <"
        lines.append(f"{name:<{width}} {marks}  {shares}{weak}")
    lines.append(f"{len(outcomes) - len(failed)} of {len(outcomes)} claims held in every run.")
    return lines


def by_kind(by, variations):
    """The outcomes of one claim, by kind of variation."""
    return {
        kind: [by[variation.name] for variation in variations if variation.kind == kind]
        for kind in KINDS
    }
