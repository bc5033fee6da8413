"""What a first visit to a page costs: everything that it loads, compressed as a host sends it."""

import gzip
from functools import cache
from urllib.parse import unquote, urlsplit

import pytest

MOST_BYTES = 120_000
MOST_REQUESTS = 15
WIDTHS = 1300, 390


@pytest.fixture(scope="module")
def first_visit(site, server, context):
    """On a slow phone, with nothing in its cache: the files that came, and what has moved."""

    @cache
    def visit(path, width):
        tab = context(home=server, viewport={"width": width, "height": 800}).new_page()
        tab.context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": 6})
        addresses = []
        tab.on("request", lambda request: addresses.append(request.url))
        tab.goto(server + path.relative_to(site).as_posix(), wait_until="networkidle")
        shifts = tab.evaluate(SHIFTS)
        tab.context.close()
        files = [unquote(urlsplit(url).path) for url in addresses if url.startswith(server)]
        return files, shifts

    return visit


def test_page_is_light(path, site, first_visit):
    files, _ = first_visit(path, WIDTHS[0])
    weights = {file: len(gzip.compress((site / file[1:]).read_bytes(), 9)) for file in files}
    assert 0 < sum(weights.values()) < MOST_BYTES, weights
    assert len(files) < MOST_REQUESTS, files


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_shifts_while_the_page_loads_on_a_slow_phone(path, width, first_visit):
    _, shifts = first_visit(path, width)
    assert shifts == [], shifts


#: Moves of what was seen already, as (how much, what moved).
SHIFTS = """() => new Promise(resolve => {
  const shifts = [];
  new PerformanceObserver(list => shifts.push(...list.getEntries().map(entry =>
    [entry.value, entry.sources.map(source => source.node?.outerHTML?.slice(0, 80))])))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => resolve(shifts.filter(([value]) => value > 0.001)), 100);
})"""
