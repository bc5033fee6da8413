"""What stays of a style sheet, and what goes."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from sphinx_lectures.light_pages.stylesheet import (
    Words,
    by_system,
    names,
    parse,
    read,
    rules_in_use,
    split,
    words_of,
    write,
)

PAGE = '<div id="top" class="note wide"><p style="color: var(--tint)">text</p></div>'
SCRIPT = (
    "button.classList.add('open'); tip.className = `bs-${name}-auto`; row.dataset.state = 1;"
    "box.className = 'box is-' + state; box.classList.add(state + '-now')"
)


def kept(css):
    return write(rules_in_use(parse(css), Words([words_of(PAGE)], [SCRIPT])))


@pytest.mark.parametrize(
    "css",
    [
        "p{color:red}",
        'html[data-theme=dark] .note:not(.unknown,[a="x,y"])>p:hover::after{content:"}"}',
        ".note:is(.unknown,p){a:b}",
        "#top.wide>*+p~p{a:b}",
        ":root{color-scheme:light}",
        ".open{display:block}",
        ".bs-tooltip-auto p{a:b}",
        ".is-shut p{a:b}",
        ".shut-now p{a:b}",
        "p:focus-visible{a:b}",
        "@media print{.note{a:b}@supports (display:grid){p{a:b}}}",
        "@page{margin:1cm}",
        "p{background:url(data:image/svg+xml;base64,aa==);b:c}",
        "p{a:calc(1px + var(--x,calc(2px*(3 + (4 - 1)))));b:c}",
        "p{&:hover{a:b}}",
    ],
)
def test_rule_that_a_page_can_use_stays_as_it_is(css):
    assert kept(css) == css


@pytest.mark.parametrize(
    "css",
    [
        ".unknown{a:b}",
        ".note .unknown{a:b}",
        "table p{a:b}",
        "#bottom{a:b}",
        ".sd-tooltip-auto{a:b}",
        ".was-shut{a:b}",
        "@media print{.unknown{a:b}}",
        "@keyframes spin{to{a:b}}",
        "p{}",
        "/* p{a:b} */",
    ],
)
def test_rule_that_no_page_can_use_goes(css):
    assert kept(css) == ""


def test_of_several_selectors_only_those_in_use_stay():
    assert kept("p,.unknown,.note:where(a,b){a:b}") == "p,.note:where(a,b){a:b}"


def test_animation_that_is_played_stays():
    css = "p{animation:spin 1s}@keyframes spin{to{a:b}}"
    assert kept(css) == css


def test_property_that_nothing_reads_goes():
    css = ":root{--a:var(--b);--b:1;--c:var(--d);--d:2;--tint:red;--e: ;f:var(--e)}p{f:var(--a)}"
    assert kept(css) == ":root{--a:var(--b);--b:1;--tint:red;--e: ;f:var(--e)}p{f:var(--a)}"


def test_selector_names_what_it_demands():
    assert names(r"a.x\:y\[z\]>#z:not(.no:is(b,c))[d=e]::before") == ["a", ".x:y[z]", "#z"]


def test_split_heeds_brackets_strings_and_escapes():
    assert split(r'a(b,c),"d,e",[f=","],g\,h', ",") == ["a(b,c)", '"d,e"', '[f=","]', r"g\,h"]


def test_comments_go_and_strings_stay():
    css = "/* x */ p > a\n{ content : 'a  /* b */' ; }"
    assert write(parse(css)) == 'p > a{content : "a  /* b */" ;}'


def test_read_follows_imports_and_moves_addresses(tmp_path):
    (tmp_path / "css/more").mkdir(parents=True)
    (tmp_path / "css/main.css").write_text(
        '@import "more/a.css";@import url(more/a.css) print;@import "https://x.org/b.css";'
        "p{background:url(p.png)}q{background:url('#id')}"
    )
    (tmp_path / "css/more/a.css").write_text("a{background:url(../a.png?v=1)}")
    assert read(tmp_path / "css/main.css", tmp_path) == (
        'a{background:url("css/a.png?v=1")}@media print{a{background:url("css/a.png?v=1")}}'
        '@import "https://x.org/b.css";p{background:url("css/p.png")}q{background:url("#id")}'
    )


@pytest.mark.parametrize(
    "sheet",
    [
        "pydata_sphinx_theme/theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css",
        "sphinx_book_theme/theme/sphinx_book_theme/static/styles/sphinx-book-theme.css",
    ],
)
def test_site_that_uses_all_of_the_theme_gets_all_of_it(sheet):
    class AllWords(Words):
        def know(self, name):
            return True

    folder = Path(find_spec(sheet.partition("/")[0]).origin).parents[1]
    css = read(folder / sheet, folder)
    rules = [rule for rule in parse(css) if not rule.prelude.startswith("@charset")]
    assert len(rules) > 50
    assert write(rules_in_use(rules, AllWords([words_of(css)], [css]))) == write(rules)


def test_rules_of_both_themes_hold_by_the_readers_system_where_no_script_runs():
    css = """
    a{b:c}
    html[data-theme="light"] p,p{a:b}
    @media print{html[data-theme=dark] p{a:c}}
    """
    assert write(by_system(parse(css))) == (
        "@media (prefers-color-scheme: light){html:not([data-theme]) p{a:b}}"
        "@media (prefers-color-scheme: dark){@media print{html:not([data-theme]) p{a:c}}}"
    )
