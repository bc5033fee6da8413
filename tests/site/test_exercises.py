"""Solutions leak nowhere: not beside their folds, not on paper, not into what is handed out."""

import re

import nbformat
import pytest

SENTENCE = re.compile(r"(?<=[.!?])\s+")
LONG = 40  #: letters of a sentence that stands nowhere else by chance


def words(text):
    """Text without marks and spaces, in which a page and its notebook agree."""
    return re.sub(r"\W+", "", text).lower()


def contents(file):
    """The words of the text of a notebook, without addresses of links, and those of its code."""
    text, code = (
        "\n".join(cell.source for cell in nbformat.read(file, 4).cells if cell.cell_type == kind)
        for kind in ("markdown", "code")
    )
    return words(re.sub(r"\]\([^)]*\)|</?[a-z][^>]*>", "", text)), words(code)


def sentences(*elements):
    """What is said without formulas and code in paragraphs."""
    for paragraph in elements:
        if not paragraph.select("math, code"):
            said = (words(part) for part in SENTENCE.split(paragraph.get_text()))
            yield from (part for part in said if len(part) > LONG)


def test_each_exercise_has_an_address_and_its_solution_in_one_fold(path, html):
    for exercise in html.select(".admonition.exercise"):
        assert exercise["id"] and exercise.select_one(f"a.headerlink[href='#{exercise['id']}']")
        solution = exercise.find_next_sibling()
        assert solution.name == "details" and "solution" in solution["class"], exercise["id"]
        assert not solution.has_attr("open") and not solution.select("details.hide")


def test_no_cell_stands_beside_a_solution(html):
    for solution in html.select("details.solution"):
        following = solution.find_next_sibling()
        kinds = [] if following is None else [following.name, *following.get("class", ())]
        assert following is None or {"exercise", "section"} & set(kinds), following


def test_student_notebooks_tell_no_solution_and_no_answer(site, pages, parse):
    compared = 0
    for page in pages:
        name = page.relative_to(site).with_suffix("").as_posix()
        files = [site / f"_notebooks/{name}{end}.ipynb" for end in ("", "_student")]
        answers = parse(page).select("details.solution, .quiz-answers, section.solution")
        if not answers or not files[0].is_file():
            continue
        (full, full_code), (handed_out, code) = map(contents, files)
        answering = [p for answer in answers for p in answer.select("p")]
        others = [p.get_text() for p in parse(page).select("article p") if p not in answering]
        elsewhere = words("".join(others))
        told = {said for said in sentences(*answering) if said not in elsewhere}
        cells = {words(pre.get_text()) for a in answers for pre in a.select(".cell_input pre")}
        assert {said for said in told if said in handed_out} == set(), name
        assert {cell for cell in cells if cell in code} == set(), name
        assert all(cell in full_code for cell in cells), name
        compared += sum(said in full for said in told)
    assert compared > 200


@pytest.fixture(scope="module")
def quizzes(site, pages, parse):
    """Ids of all quizzes of the lectures, with the words of their questions."""
    found = [quiz for page in pages for quiz in parse(page).select(".quiz")]
    return {quiz["id"]: quiz for quiz in found}


def test_sheet_and_key_have_all_questions(site, parse, quizzes):
    sheet, key = (
        parse(site / f"docs/{name}.html").select(".sheet-item") for name in ("questions", "key")
    )
    names = [item["id"] for item in sheet]
    assert names == [item["id"] for item in key]
    assert set(names) >= set(quizzes) and len(names) == len(quizzes) + 5
    for asked, answered in zip(sheet, key, strict=True):
        text = words(asked.get_text())
        reasons = answered.select(".sheet-essay > p:not(.sheet-name), li p")
        assert not [said for said in sentences(*reasons) if said in text]


def test_sheet_has_the_questions_of_the_pages_in_their_order(site, parse, quizzes):
    items = [
        item
        for item in parse(site / "docs/questions.html").select(".sheet-item")
        if item["id"] in quizzes
    ]
    numbers = [int(re.search(r"\d+", item.a.get_text())[0]) for item in items]
    assert numbers == list(range(1, len(items) + 1))
    for item in items:
        page, _, name = item.a["href"].partition("#")
        assert (site / "docs" / page).resolve().is_file() and name == item["id"]
        question = quizzes[name].legend.select("span")[-1]
        assert words(question.get_text()) in words(item.get_text())
