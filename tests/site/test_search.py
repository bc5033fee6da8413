"""The search finds the page that a reader means, shows a sentence of it, and leads to the place."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

FIRST, SECOND = 1, 2
#: What a reader asks, where it is to lead, and as which result at the latest.
QUERIES = [
    ("vanishing gradient", "vanishing_exploding", FIRST),
    ("vanishing gradients", "vanishing_exploding", FIRST),
    ("exploding gradients", "vanishing_exploding", FIRST),
    ("Vanishing gradient problem", "vanishing_exploding", FIRST),
    ("BPTT", "backpropagation_through_time", FIRST),
    ("truncated BPTT", "backpropagation_through_time", FIRST),
    ("backprop through time", "backpropagation_through_time", FIRST),
    ("backpropagation", "backpropagation_through_time", FIRST),
    ("h_t", "notation", SECOND),
    ("W_hh", "notation", SECOND),
    ("lstm not learning", "diagnosis", FIRST),
    ("my network does not learn", "diagnosis", SECOND),
    ("loss is NaN", "diagnosis", SECOND),
    ("debugging", "diagnosis", FIRST),
    ("look inside", "look_inside", FIRST),
    ("many to many", "sequence_models", FIRST),
    ("sequence prediction", "forecasting", FIRST),
    ("time series", "forecasting", FIRST),
    ("teacher forcing", "forecasting", FIRST),
    ("clipping", "gradient_clipping", FIRST),
    ("clipnorm", "gradient_clipping", FIRST),
    ("LSTM forget bias", "gated_cells", FIRST),
    ("LSTM", "gated_cells", FIRST),
    ("GRU", "gated_cells", FIRST),
    ("gated recurrent unit", "gated_cells", FIRST),
    ("long short-term memory", "gated_cells", SECOND),
    ("RNN", "recurrence", FIRST),
    ("self-assessment", "review", FIRST),
    ("terminal questions", "review", FIRST),
    ("exam", "review", FIRST),
    ("orthogonal initialisation", "initialization", FIRST),
    ("initialization", "initialization", FIRST),
    ("perplexity", "character_model", FIRST),
    ("softmax", "character_model", FIRST),
    ("hello", "character_model", FIRST),
    ("mitigate vanishing gradients", "vanishing_exploding", SECOND),
    ("lyapunov exponent", "edge_of_chaos", FIRST),
    ("edge of chaos", "edge_of_chaos", FIRST),
    ("attention", "other_architectures", FIRST),
    ("transformer", "other_architectures", FIRST),
    ("bidirectional", "other_architectures", FIRST),
    ("adding problem", "long_memory", FIRST),
    ("long-term dependencies", "long_memory", SECOND),
    ("lab", "comparing_cells", FIRST),
    ("assignment", "comparing_cells", SECOND),
    ("glossary", "notation", FIRST),
    ("myths", "claims_checked", FIRST),
    ("handout", "handouts", FIRST),
    ("session 21", "handouts", FIRST),
    ("slides", "docs/slides", FIRST),
    ("lesson plan", "teaching", FIRST),
    ("marking scheme", "teaching", FIRST),
    ("install", "look_inside", FIRST),
    ("pip install", "look_inside", FIRST),
    ("callback", "look_inside", SECOND),
    ("gradient_flow", "api/keras", SECOND),
    ("GradientFlowCallback", "api/keras", SECOND),
    ("backpropagate_through_time", "api/gradients", SECOND),
    ("vanising gradeint", "vanishing_exploding", FIRST),
    ("initalization", "initialization", FIRST),
    ("spectral radius", "vanishing_exploding", FIRST),
    ("echo state network", "other_architectures", SECOND),
    ("number of parameters of an LSTM", "gated_cells", FIRST),
    ("references", "docs/references", SECOND),
]
#: What must lead to a section, not only to its page.
SECTIONS = [
    ("truncated backpropagation", "backpropagation_through_time.html#truncation"),
    ("forget bias", "gated_cells.html#the-forget-bias"),
    ("temperature", "character_model.html#temperature"),
    ("exposure bias", "forecasting.html#teacher-forcing-and-exposure-bias"),
]


@pytest.fixture(scope="module")
def search(context, site):
    page = context().new_page()
    page.goto((site / "search.html").as_uri())
    page.wait_for_function("Search.rank('gradient').length")
    yield page
    page.close()


@pytest.mark.parametrize(("query", "wanted", "latest"), QUERIES, ids=[q for q, *_ in QUERIES])
def test_the_wanted_page_comes_first(search, query, wanted, latest):
    found = [result[0] for result in search.evaluate("query => Search.rank(query)", query)]
    assert any(f"{wanted}.html" in address for address in found[:latest]), found


@pytest.mark.parametrize(("query", "wanted"), SECTIONS)
def test_the_wanted_section_is_offered(search, query, wanted):
    results = search.evaluate("query => Search.rank(query)", query)
    assert any(wanted in address for result in results[:2] for address in result[1:]), results[:3]


@pytest.mark.parametrize("query", ["xyzzyq", "", "the of", "((", "<b>"])
def test_nothing_is_found_where_nothing_is_and_nothing_breaks(search, query):
    assert search.evaluate("query => Search.rank(query).length", query) < 100


@pytest.mark.parametrize("behind", ["a folder", "a server"])
def test_result_names_section_and_sentence_and_leads_there(context, site, server, behind):
    home = server if behind == "a server" else site.as_uri() + "/"
    page = context(home=home).new_page()
    page.goto(f"{home}search.html?q={quote('truncated backpropagation')}")
    result = page.locator("#search-results li").first
    expect(result.locator("p mark").first).to_be_visible()
    assert len(result.locator("p").first.inner_text().split()) > 5
    page.locator("#search-results a[href$='#truncation']").first.click()
    page.wait_for_url("**/backpropagation_through_time.html#truncation")
    expect(page.locator("section#truncation > h2")).to_be_in_viewport()
    assert page.context.outside == []
    page.close()


def test_results_follow_what_is_typed(context, site):
    page = context().new_page()
    page.goto((site / "search.html").as_uri())
    page.locator(".bd-search-container input").fill("teacher forcing")
    first = page.locator("#search-results li a").first
    expect(first).to_have_attribute(
        "href", "lectures/forecasting.html#teacher-forcing-and-exposure-bias"
    )
    assert page.url.endswith("?q=teacher+forcing")
    page.close()


def test_every_result_leads_to_a_place_that_is_there(search, site, parse):
    for query, *_ in QUERIES:
        for result in search.evaluate("query => Search.rank(query)", query):
            for address in result[1:]:
                name, _, anchor = address.partition("#")
                page = parse(site / name)
                assert not anchor or page.find(id=anchor), address
