"""Style sheets: reading them, and keeping what pages with given words can use.

A rule is kept if every tag, class and id of one of its selectors occurs in the pages or in their
scripts; what else a selector says (states, attributes, neighbours) is taken for true. So a rule
may stay that no page uses, but none goes that a page could use once its scripts have run.
"""

from __future__ import annotations

import re
from html import unescape
from os.path import relpath
from pathlib import Path
from typing import NamedTuple

STRING = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
NAME = r"(?:\\.|[\w-])+"

BLANK = re.compile(rf"({STRING}|url\([^)\"']*\))|/\*.*?\*/|\s+", re.DOTALL)
BRACE = re.compile(rf"{STRING}|url\([^)\"']*\)|[{{}};]", re.DOTALL)
BRACKET = re.compile(rf"{STRING}|\\.|[()\[\],;]", re.DOTALL)
INNERMOST = re.compile(
    rf"(?<!\\)(?:\((?:{STRING}|[^()\"'])*\)|\[(?:{STRING}|[^\]\"'])*\])", re.DOTALL
)
PSEUDO = re.compile(rf"(?<!\\)::?{NAME}")
SIMPLE = re.compile(rf"[.#]?{NAME}")
PROPERTY = re.compile(r"--[\w-]+")
URL = re.compile(r"""url\(\s*(["']?)(.*?)\1\s*\)""", re.DOTALL)
LICENCE = re.compile(r"/\*!.*?\*/", re.DOTALL)
IMPORT = re.compile(rf"@import\s+(?:url\(\s*)?({STRING}|[^)\s;]*)\s*\)?([^;]*);")
OUTSIDE = re.compile(r"[a-z]+:|[/#]")
GROUPS = ("@media", "@supports", "@layer", "@container")
#: A part that a script fills in, as in `bs-${name}-auto`; what goes before it ends in a hyphen.
HOLE = re.compile(r"\$\{[^{}]*\}")


class Rule(NamedTuple):
    """`body` is text, or the rules of an at-rule that groups rules; a statement has none."""

    prelude: str
    body: str | list[Rule] | None


class Words:
    """What `words_of` gives of pages, and the words of scripts, given as text."""

    def __init__(self, pages, scripts):
        self.in_pages = {"html", "head", "body"}.union(*pages)
        self.in_scripts = {
            word for script in scripts for word in re.findall(r"(?:[\w-]|\$\{[^{}]*\})+", script)
        }
        composed = [HOLE.split(word) for word in sorted(self.in_scripts) if HOLE.search(word)]
        self.composed = [
            re.compile(r"[\w-]+".join(map(re.escape, parts)))
            for parts in composed
            if re.search(r"\w-$", parts[0])
        ]
        self.properties = {word for word in self.in_pages if word.startswith("--")}
        self.properties |= {name for script in scripts for name in PROPERTY.findall(script)}

    def know(self, name):
        """Whether a page can hold a tag, class or id, now or once its scripts have run."""
        name = re.sub(r"\\(.)", r"\1", name)
        bare = name.lstrip(".#")
        if name == bare:
            return bare.lower() in self.in_pages or bare in self.in_scripts
        if name in self.in_pages or bare in self.in_scripts:
            return True
        return any(pattern.fullmatch(bare) for pattern in self.composed)


def words_of(html):
    """The tags, classes (``.name``), ids (``#name``) and custom properties of a page."""
    words = {tag.lower() for tag in re.findall(r"<([a-zA-Z][\w-]*)", html)}
    words |= {f"#{unescape(name)}" for name in re.findall(r"""\sid=["']?([^\s"'>]+)""", html)}
    for quoted in re.findall(r"""\sclass=("[^"]*"|'[^']*'|[^\s"'>]+)""", html):
        words |= {f".{name}" for name in unescape(quoted.strip("\"'")).split()}
    return frozenset(words.union(PROPERTY.findall(html)))


def read(path, folder):
    """A style sheet with all that it imports, as it would stand in `folder`."""

    def move(found):
        if OUTSIDE.match(found[2]):
            return found[0]
        return f'url("{Path(relpath(path.parent / found[2], folder)).as_posix()}")'

    css, start, parts = path.read_text(encoding="utf-8"), 0, []
    for found in IMPORT.finditer(css):
        name, media = found[1].strip("\"'"), found[2].strip()
        if not OUTSIDE.match(name):
            imported = read(path.parent / name, folder)
            parts += [
                css[start : found.start()],
                f"@media {media}{{{imported}}}" if media else imported,
            ]
            start = found.end()
    return "".join([*parts, URL.sub(move, css[start:])])


def parse(css):
    """The rules of a style sheet, without comments and needless space."""
    return list(_split(BLANK.sub(lambda found: found[1] or " ", css)))


def _split(css):
    start, depth, prelude = 0, 0, ""
    for token in BRACE.finditer(css):
        if token[0] == "{":
            if not depth:
                prelude, start = css[start : token.start()].strip(), token.end()
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if not depth:
                body = css[start : token.start()].strip()
                yield Rule(prelude, parse(body) if prelude.startswith(GROUPS) else body)
                start = token.end()
        elif token[0] == ";" and not depth:
            yield Rule(css[start : token.start()].strip(), None)
            start = token.end()


def split(text, separator):
    """The parts of selectors or declarations between separators that no bracket holds."""
    parts, start, depth = [], 0, 0
    for token in BRACKET.finditer(text):
        depth += (token[0] in "([") - (token[0] in ")]")
        if token[0] == separator and not depth:
            parts.append(text[start : token.start()])
            start = token.end()
    # A space at the end may be the whole value of a property: `--name: `.
    return [part.lstrip() for part in [*parts, text[start:]] if part.strip()]


def change(rules, function):
    """The rules that `function` makes of `rules`; it gives none for a rule that is to go."""
    for rule in rules:
        if isinstance(rule.body, list):
            body = list(change(rule.body, function))
            if body:
                yield Rule(rule.prelude, body)
        elif changed := function(rule):
            yield changed


def leaves(rules):
    """All rules, those in groups too."""
    for rule in rules:
        yield from leaves(rule.body) if isinstance(rule.body, list) else [rule]


def write(rules):
    """The rules as text."""
    return "".join(
        f"{prelude};"
        if body is None
        else f"{prelude}{{{write(body) if isinstance(body, list) else body}}}"
        for prelude, body in rules
    )


def rules_in_use(rules, words):
    """The rules that pages with these words can use, without properties that nothing reads."""

    def with_selectors(rule):
        if rule.prelude.startswith("@"):
            return None if rule.prelude.startswith("@charset") else rule
        selectors = split(rule.prelude, ",")
        selectors = [s for s in selectors if all(map(words.know, names(s)))]
        return Rule(",".join(selectors), rule.body) if selectors and rule.body else None

    rules = list(change(rules, with_selectors))
    read = _properties_read(rules, words.properties)

    def without_idle_properties(rule):
        if not rule.body or "{" in rule.body:
            return rule
        declarations = split(rule.body, ";")
        declarations = [d for d in declarations if d[:2] != "--" or _name(d) in read]
        return Rule(rule.prelude, ";".join(declarations)) if declarations else None

    rules = list(change(rules, without_idle_properties))
    text = write(rule for rule in leaves(rules) if not rule.prelude.startswith("@keyframes"))

    def that_is_played(rule):
        at, _, name = rule.prelude.partition(" ")
        played = name.strip() in text or name.strip() in words.in_scripts
        return rule if played or not at.endswith("keyframes") else None

    # What comes from other places has to come first.
    return sorted(change(rules, that_is_played), key=lambda rule: rule.prelude[:7] != "@import")


def names(selector):
    """The tags, classes and ids that a selector demands."""
    while selector != (shorter := INNERMOST.sub("", selector)):
        selector = shorter
    return SIMPLE.findall(PSEUDO.sub("", selector))


def _name(declaration):
    return declaration.partition(":")[0].strip()


def _properties_read(rules, properties):
    """Names of the custom properties that pages, scripts and other declarations read."""
    read, reads = set(properties), {}
    for rule in leaves(rules):
        for declaration in split(rule.body or "", ";"):
            name, _, value = declaration.partition(":")
            found = set(PROPERTY.findall(value))
            if name.startswith("--"):
                reads.setdefault(name.strip(), set()).update(found)
            else:
                read |= found
    waiting = list(read)
    while waiting:
        new = reads.get(waiting.pop(), set()) - read
        read |= new
        waiting += new
    return read
