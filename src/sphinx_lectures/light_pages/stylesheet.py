"""Style sheets: reading them, and keeping what pages with given words can use.

A rule is kept if every tag, class and id of one of its selectors occurs in the pages or in their
scripts; what else a selector says (states, attributes, neighbours) is taken for true. So a rule
may stay that no page uses, but none goes that a page could use once its scripts have run.
"""

import re
from html import unescape
from os.path import relpath
from pathlib import Path
from typing import NamedTuple

import tinycss2

PROPERTY = re.compile(r"--[\w-]+")
LICENCE = re.compile(r"/\*!.*?\*/", re.DOTALL)
OUTSIDE = re.compile(r"[a-z]+:|[/#]")
THEME = re.compile(r"""\[data-theme=["']?(light|dark)["']?\]""")
GROUPS = ("media", "supports", "layer", "container")
#: A part that a script fills in, as in `bs-${name}-auto`; what goes before it ends in a hyphen.
HOLE = re.compile(r"\$\{[^{}]*\}")
#: The same in `"is-" + state`, and in `state + "-open"`.
BEGINNING = re.compile(r"""["'](?:[^"'\n]*\s)?([\w-]*\w-)["']\s*\+""")
ENDING = re.compile(r"""\+\s*["'](-\w[\w-]*)(?:\s[^"'\n]*)?["']""")


class Rule(NamedTuple):
    """`body` is text, or the rules of an at-rule that groups rules; a statement has none."""

    prelude: str
    body: str | list | None


class Words:
    """What `words_of` gives of pages, and the words of scripts, given as text."""

    def __init__(self, pages, scripts):
        self.in_pages = {"html", "head", "body"}.union(*pages)
        self.in_scripts = {
            word for script in scripts for word in re.findall(r"(?:[\w-]|\$\{[^{}]*\})+", script)
        }
        composed = [HOLE.split(word) for word in sorted(self.in_scripts) if HOLE.search(word)]
        composed = [parts for parts in composed if re.search(r"\w-$", parts[0])]
        composed += [[start, ""] for script in scripts for start in BEGINNING.findall(script)]
        composed += [["", end] for script in scripts for end in ENDING.findall(script)]
        self.composed = [re.compile(r"[\w-]+".join(map(re.escape, parts))) for parts in composed]
        self.properties = {word for word in self.in_pages if word.startswith("--")}
        self.properties |= {name for script in scripts for name in PROPERTY.findall(script)}

    def know(self, name):
        """Whether a page can hold a tag, class or id, now or once its scripts have run."""
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
    parts = []
    for rule in tinycss2.parse_stylesheet(path.read_text(encoding="utf-8")):
        if rule.type == "at-rule" and rule.lower_at_keyword == "import":
            address, *media = [token for token in rule.prelude if token.type != "whitespace"]
            name = next(_addresses([address]), address).value
            if not OUTSIDE.match(name):
                imported = read(path.parent / name, folder)
                media = tinycss2.serialize(media)
                parts.append(f"@media {media}{{{imported}}}" if media else imported)
                continue
        for token in _addresses(_within(rule)):
            if not OUTSIDE.match(token.value):
                moved = Path(relpath(path.parent / token.value, folder)).as_posix()
                token.representation = f'url("{moved}")' if token.type == "url" else f'"{moved}"'
        parts.append(rule.serialize())
    return "".join(parts)


def _addresses(tokens):
    """What stands in ``url()``: one token, or the string within it."""
    for token in tokens:
        if token.type == "url":
            yield token
        elif token.type == "function" and token.lower_name == "url":
            yield from (part for part in token.arguments if part.type == "string")
        else:
            yield from _addresses(_within(token))


def _within(token):
    """What stands in a block, a function or a rule."""
    return getattr(token, "content", None) or getattr(token, "arguments", None) or []


def addresses(css):
    """The addresses that a piece of a style sheet names by ``url()``."""
    return [token.value for token in _addresses(tinycss2.parse_component_value_list(css))]


def parse(css):
    """The rules of a style sheet, given as text or tokens, without comments."""
    rules = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "error":
            continue
        prelude, content = tinycss2.serialize(rule.prelude), rule.content
        if rule.type == "at-rule":
            prelude = f"@{rule.at_keyword}{prelude}"
            if content is not None and rule.lower_at_keyword in GROUPS:
                rules.append(Rule(prelude.strip(), parse(content)))
                continue
        body = None if content is None else tinycss2.serialize(content).strip()
        rules.append(Rule(prelude.strip(), body))
    return rules


def split(text, separator):
    """The parts of selectors or declarations between separators that no bracket holds."""
    parts = [[]]
    for token in tinycss2.parse_component_value_list(text):
        if token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    # A space at the end may be the whole value of a property: `--name: `.
    texts = (tinycss2.serialize(part).lstrip() for part in parts)
    return [part for part in texts if part]


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
        if "--" not in (rule.body or "") or "{" in rule.body:
            return rule
        named = ((d.partition(":")[0].strip(), d) for d in split(rule.body, ";"))
        declarations = [d for name, d in named if name[:2] != "--" or name in read]
        return Rule(rule.prelude, ";".join(declarations)) if declarations else None

    rules = list(change(rules, without_idle_properties))
    text = write(rule for rule in leaves(rules) if not rule.prelude.startswith("@keyframes"))

    def that_is_played(rule):
        at, _, name = rule.prelude.partition(" ")
        played = name.strip() in text or name.strip() in words.in_scripts
        return rule if played or not at.endswith("keyframes") else None

    # What comes from other places has to come first.
    return sorted(change(rules, that_is_played), key=lambda rule: rule.prelude[:7] != "@import")


def by_system(rules):
    """The rules of both themes, for a page on which no script chooses: the reader's system does."""
    for theme in ("light", "dark"):

        def of_theme(rule, theme=theme):
            selectors = [s for s in split(rule.prelude, ",") if THEME.findall(s) == [theme]]
            prelude = ",".join(THEME.sub(":not([data-theme])", s) for s in selectors)
            return Rule(prelude, rule.body) if selectors else None

        yield Rule(f"@media (prefers-color-scheme: {theme})", list(change(rules, of_theme)))


def names(selector):
    """The tags, classes and ids that a selector demands."""
    found, before = [], None
    for token in tinycss2.parse_component_value_list(selector):
        if token.type == "ident" and before != ":":
            found.append("." * (before == ".") + token.value)
        elif token.type == "hash":
            found.append(f"#{token.value}")
        before = token
    return found


def _properties_read(rules, properties):
    """Names of the custom properties that pages, scripts and other declarations read."""
    read, reads = set(properties), {}
    for rule in leaves(rules):
        for declaration in split(rule.body, ";") if rule.body else ():
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
