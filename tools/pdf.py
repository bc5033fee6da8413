"""Print the built site: the book, and a file for each lecture, in full and as a hand-out."""

import argparse
import re
import sys
from pathlib import Path

from book import bind, pages_of

OPTIONS = {"format": "A4", "prefer_css_page_size": True, "print_background": True}
OPTIONS |= {"outline": True, "tagged": True}
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
CANONICAL = re.compile(r'<link rel="canonical" href="([^"]*?)(?:index\.html)?"')
#: On paper a link to another file of this machine leads to the published site, or nowhere.
LEAD_OUT = """([folder, site]) => {
  for (const link of [...document.links]) {
    const here = (link.getAttribute("href") ?? "").startsWith("#");
    const outside = link.href.startsWith(folder) && !here;
    if (outside && site) link.href = site + link.href.slice(folder.length);
    else if (outside) link.removeAttribute("href");
  }
}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("browser", help="path of Chromium or of a browser that is built on it")
    parser.add_argument("--site", type=Path, default=Path("_build/html"))
    parser.add_argument("--to", type=Path, default=Path("_build/pdf"), help="folder of the files")
    parser.add_argument("--pages", nargs="*", help="names of lectures; default: all, and the book")
    parser.add_argument("--without", nargs="*", default=[], help="pages to leave out of the book")
    options = parser.parse_args()
    if not (options.site / "index.html").is_file():
        return f"{options.site} holds no site: run `make html` first"
    from playwright.sync_api import sync_playwright

    options.to.mkdir(parents=True, exist_ok=True)
    known = CANONICAL.search((options.site / "index.html").read_text(encoding="utf-8"))
    ends = [f"{options.site.resolve().as_uri()}/", known[1] if known else ""]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=FLAGS)
        page = browser.new_page()
        for name in pages_of(options.site):
            short = name.rpartition("/")[2].removesuffix(".html")
            tasks = "print-links" in (options.site / name).read_text(encoding="utf-8")
            if not (options.pages is None or short in options.pages) or not tasks:
                continue
            for mode, ending in (("solutions", ""), ("handout", "_handout")):
                address = (options.site / name).resolve().as_uri()
                _print(page, f"{address}?print={mode}", options.to / f"{short}{ending}.pdf", ends)
        if options.pages is None:
            book = options.site / "book.html"
            book.write_text(bind(options.site, options.without), encoding="utf-8")
            try:
                _print(page, book.resolve().as_uri(), options.to / "book.pdf", ends)
            finally:
                book.unlink()
        browser.close()
    return None


def _print(page, address, file, ends):
    page.goto(address, wait_until="load")
    page.evaluate(LEAD_OUT, ends)
    page.evaluate("document.fonts.ready")
    page.pdf(path=file, **OPTIONS)
    print(file, flush=True)


if __name__ == "__main__":
    sys.exit(main())
