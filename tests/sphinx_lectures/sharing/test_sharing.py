"""A site that knows its address tells search engines and previews what they ask for."""

import pytest
import tiny_site

PAGE = """---
myst:
  html_meta:
    description: "What the page is about."
---
# Page

Some first sentence.
"""


@pytest.fixture
def build(tmp_path):
    def build(**settings):
        tiny_site.write(tmp_path, {"index.md": PAGE})
        settings["ogp_social_cards"] = {"enable": False}
        extensions = ["myst_parser", "sphinx_lectures.sharing"]
        return tiny_site.build(tmp_path, extensions, **settings)[0]

    return build


def test_preview_says_what_the_description_does(build):
    out = build(html_baseurl="https://example.org/x/")
    preview = tiny_site.page(out).select_one("meta[property='og:description']")
    assert preview["content"] == "What the page is about."


def test_robots_are_told_where_the_sitemap_is_if_the_site_knows_its_address(build):
    out = build(html_baseurl="https://example.org/x")
    robots = (out / "robots.txt").read_text(encoding="utf-8")
    assert "\nSitemap: https://example.org/x/sitemap.xml\n" in robots
    (out / "robots.txt").unlink()
    assert not (build() / "robots.txt").exists()


def test_the_environment_may_name_the_address(build, monkeypatch):
    monkeypatch.setenv("SITE_URL", "https://example.org/x")
    out = build(sitemap_url_scheme="{link}")
    assert "https://example.org/x/index.html" in (out / "sitemap.xml").read_text(encoding="utf-8")
    (link,) = tiny_site.page(out).select("link[rel=canonical]")
    assert link["href"] == "https://example.org/x/index.html"
