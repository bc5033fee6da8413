"""Build the site of the current folder strictly; publish it to ``_build/html`` if all is well."""

import os
import shutil
import sys
import time
from pathlib import Path

from sphinx.cmd.build import build_main

from sphinx_lectures.publish import only_build, publish, recover


def main():
    build = Path("_build")
    site, staging, doctrees = build / "html", build / "staging", build / "doctrees"
    try:
        build.mkdir(exist_ok=True)
        with only_build(build):
            recover(site)
            started = time.time()
            # All pages are written each time, into an empty folder: Sphinx updates navigation and
            # search index only in part, and an edited site must equal one that is built afresh.
            shutil.rmtree(staging, ignore_errors=True)
            arguments = ["-b", "html", "-q", "-a", "-W", "-d", str(doctrees), ".", str(staging)]
            if code := build_main([*arguments, *sys.argv[1:]]):
                kept = "is untouched" if site.exists() else "does not exist yet"
                print(f"The build failed. {site} {kept}.", file=sys.stderr)
                return code
            # As old as what it was made from: make must see an edit that was made meanwhile.
            os.utime(staging / "index.html", (started, started))
            publish(staging, site)
    except OSError as error:
        print(f"Cannot write to {build.resolve()}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
