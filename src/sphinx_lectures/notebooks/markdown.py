"""A resolved page as plain Markdown, which notebooks show well: no directive and no role is left.

TeX stays TeX between dollars, admonitions become quotations, collapsed boxes ``<details>``, tables
have pipes. Whatever has no form of its own is written as what stands in it, an image as its
alternative text.
"""

import re
from string import ascii_uppercase

from docutils import nodes
from sphinx.locale import admonitionlabels

SPECIAL = re.compile(r"[\\`*$~]|<(?=[a-zA-Z/!?])|&(?=#?\w+;)|\](?=[(:])|(?<!\w)_|_(?!\w)")
#: Before a sign that would begin a heading, a quotation, a table or a list, whose number it holds.
LINE_START = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[#>+|-]))")
DISPLAYED = re.compile(r"\$\$\n(.*?)\n\$\$", re.DOTALL)
MATH_END = re.compile(r"(?<!\\)\$$")
INLINE_TAGS = {"button", "input", "label", "span"}
PYTHON = {"default": "python", "ipython3": "python"}
MARKS = {
    "emphasis": "*{}*",
    "strong": "**{}**",
    "subscript": "<sub>{}</sub>",
    "superscript": "<sup>{}</sup>",
    "footnote_reference": "[{}]",
    "button": "",
}
DROPPED = (nodes.Invisible, nodes.meta, nodes.system_message)


def escape(text):
    """Text that Markdown would read as markup, so that it does not."""
    return SPECIAL.sub(r"\\\g<0>", text)


def fenced(code, language=""):
    """A block of code."""
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", code))])
    return f"{ticks}{language}\n{code}\n{ticks}"


def quoted(blocks):
    """Blocks as a quotation, their formulas on one line: renderers would read the marks as TeX."""
    text = "\n\n".join(blocks)
    text = DISPLAYED.sub(lambda found: f"$${' '.join(found[1].split())}$$", text)
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def details(summary, blocks):
    """A box that opens on a click."""
    head = f"<details>\n<summary>{summary}</summary>"
    return "\n\n".join([head, *blocks, "</details>"])


class Markdown:
    """Writes nodes of a page.

    `numbers` says what figures, tables and other numbered things are called, by id ("Fig. 3"),
    `equations` the numbers of equations, and `link` the address that a reference node leads to,
    which is empty if it leads nowhere from a notebook.
    """

    def __init__(self, numbers, equations, link):
        self.numbers, self.equations, self.link = numbers, equations, link

    def blocks(self, *children):
        """Each child as one or more blocks; what is inline and stands together is a paragraph."""
        found, line = [], []
        for node in [*children, None]:
            if node is not None and _is_inline(node):
                line.append(node)
                continue
            if line and (text := self.inline(*line)).strip():
                found.append(text.strip())
            line = []
            if node is not None and not isinstance(node, DROPPED):
                write = getattr(self, f"_{_kind(node)}", None)
                found += write(node) if write else self.blocks(*node.children)
        return found

    def inline(self, *children):
        """The children as one line."""
        line = ""
        for node in children:
            write = getattr(self, f"_inline_{_kind(node)}", None)
            inner = MARKS.get(_kind(node), "{}")
            text = write(node) if write else inner.format(self.inline(*node.children))
            # A dollar that is followed by a digit would not end a formula.
            joint = " " if MATH_END.search(line) and text[:1].isdigit() else ""
            line += joint + text
        return line

    # Blocks: each returns a list of blocks.

    def _paragraph(self, node):
        text = " ".join(self.inline(*node.children).split())
        return [LINE_START.sub(r"\1\\", text)]

    _p = _line = _attribution = _paragraph

    def _math_block(self, node):
        number = "".join(self.equations.get(name, "") for name in node["ids"])
        tex = node.astext().strip() + (f" \\qquad ({number})" if number else "")
        return [f"$$\n{_safe_tex(tex)}\n$$"]

    def _literal_block(self, node):
        language = node.get("language", "")
        return [fenced(node.astext().rstrip(), PYTHON.get(language, language))]

    def _block_quote(self, node):
        return [quoted(self.blocks(*node.children))]

    def _admonition(self, node):
        title, content = admonitionlabels.get(_kind(node), ""), node.children
        if isinstance(node[0], nodes.title):
            title, content = self.inline(*node[0].children).strip(), node.children[1:]
        blocks = self.blocks(*content)
        if node.get("collapsible"):
            return [details(title, blocks)]
        return [quoted([f"**{title}**", *blocks])]

    _note = _warning = _tip = _hint = _important = _caution = _danger = _error = _admonition
    _attention = _seealso = _admonition

    def _bullet_list(self, node):
        return ["\n".join(self._item(item, "- ") for item in node)]

    def _enumerated_list(self, node):
        start = node.get("start", 1)
        return ["\n".join(self._item(item, f"{i}. ") for i, item in enumerate(node, start))]

    _ul = _bullet_list

    def _ol(self, node):
        if node["html"].get("type") != "A":
            return self._enumerated_list(node)
        pairs = zip(ascii_uppercase, node.children, strict=False)
        return ["\n".join(self._item(item, "- ", f"{letter}. ") for letter, item in pairs)]

    def _item(self, item, mark, letter=""):
        lines = (letter + "\n\n".join(self.blocks(*item.children))).split("\n")
        return mark + "\n".join(" " * len(mark) * bool(line) + line for line in lines).strip()

    def _definition_list(self, node):
        found = []
        for item in node:
            terms = [self.inline(*part) for part in item if isinstance(part, nodes.term)]
            lines = "\n\n".join(self.blocks(*item[-1].children)).replace("\n", "\n  ")
            found.append(f"- **{', '.join(terms)}**: {lines}")
        return ["\n".join(found)]

    def _table(self, node):
        head = [self._row(row) for part in node.findall(nodes.thead) for row in part]
        body = [self._row(row) for part in node.findall(nodes.tbody) for row in part]
        head, body = (head[0], [*head[1:], *body]) if head else ([""] * len(body[0]), body)
        rows = [head, ["---"] * len(head), *body]
        title = [f"{self._name(node)}{self.inline(*t)}" for t in node.findall(nodes.title)]
        return [*title, "\n".join(f"| {' | '.join(row)} |" for row in rows)]

    def _row(self, row):
        return [
            "<br>".join(_without_pipes(block) for block in self.blocks(*entry.children))
            for entry in row
        ]

    def _caption(self, node):
        return [self._name(node.parent) + text for text in self._paragraph(node)]

    def _name(self, node):
        return "".join(f"**{self.numbers[i]}.** " for i in node["ids"] if i in self.numbers)

    def _details(self, node):
        summary, *rest = node.children
        return [details(self.inline(*summary.children), self.blocks(*rest))]

    # Parts of a line: each returns a string.

    def _inline_Text(self, node):
        return escape(re.sub(r"\s+", " ", node.astext()))

    def _inline_literal(self, node):
        text = " ".join(node.astext().split())
        ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
        space = " " if "`" in text else ""
        return f"{ticks}{space}{text}{space}{ticks}"

    def _inline_math(self, node):
        return f"${_safe_tex(' '.join(node.astext().split()))}$"

    def _inline_reference(self, node):
        if "headerlink" in node["classes"]:
            return ""
        text, address = self.inline(*node.children), self.link(node)
        return f"[{text}]({address})" if address else text

    _inline_number_reference = _inline_reference

    def _inline_image(self, node):
        return escape(node.get("alt", ""))

    def _inline_number(self, node):
        while node := node.parent:
            if name := "".join(self.numbers.get(i, "") for i in node.get("ids", ())):
                return f"**{name}.** "
        return ""

    def _inline_raw(self, node):
        return node.astext() if "html" in node.get("format", "").split() else ""

    def _inline_label(self, node):
        return " ".join(filter(None, (self.inline(child).strip() for child in node)))

    def _inline_input(self, node):
        return "\\_\\_\\_\\_\\_" if node["html"].get("type") == "text" else ""


def _kind(node):
    """Name of a node; nodes that only stand for an HTML element have a `tag`."""
    return node["tag"] if isinstance(node, nodes.Element) and "tag" in node else type(node).__name__


def _is_inline(node):
    inline = isinstance(node, (nodes.Text, nodes.Inline)) and not isinstance(node, DROPPED)
    return inline or _kind(node) in INLINE_TAGS


def _safe_tex(tex):
    """TeX in which no ``<`` can be read as the beginning of an HTML element."""
    return re.sub(r"<(?=[a-zA-Z/!?])", "< ", tex.strip())


def _without_pipes(text):
    """A block with no pipe that would end a table's cell; in formulas TeX has names for them."""
    parts = re.split(r"(\$[^$]+\$)", text.replace("\n", " "))
    parts[::2] = [words.replace("|", r"\|") for words in parts[::2]]
    parts[1::2] = [tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ") for tex in parts[1::2]]
    return "".join(parts)
