// `make audit`: Lighthouse (mobile, its default throttling) over every page of the built site.
// Needs node with npx, and Chromium; Lighthouse goes into npm's cache, nothing into this folder.
// Pages to audit may be named: `node tests/audit.mjs lectures/recurrence.html`. Performance is a matter of
// chance on a busy machine: a page that misses its aim is run twice more, and the median counts.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize, relative } from "node:path";
import { gzipSync } from "node:zlib";

const LIGHTHOUSE = "lighthouse@12"; // the last that runs on node 18 and 20
const SITE = "_build/html";
const AIMS = { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 };
const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript",
  ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".txt": "text/plain",
};

if (!existsSync(join(SITE, "index.html"))) fail(`${SITE} holds no site: run \`make html\` first`);
const chromium = process.env.CHROME_PATH;
if (!chromium) fail("CHROME_PATH names no browser: run `make audit`");

const pages = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(SITE, { recursive: true })
  .filter(name => name.endsWith(".html") && !name.startsWith("_static")).sort();
const server = createServer(answer).listen(0, "127.0.0.1", run);

// As a host would send the site: compressed.
function answer(request, response) {
  const path = join(SITE, normalize(decodeURIComponent(new URL(request.url, "http://x").pathname)));
  if (relative(SITE, path).startsWith("..") || !existsSync(path) || !statSync(path).isFile()) {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-encoding": "gzip", "cache-control": "max-age=600" });
  response.end(gzipSync(readFileSync(path), { level: 9 }));
}

async function run() {
  const width = Math.max(...pages.map(page => page.length));
  console.log(["page".padEnd(width), ...Object.keys(AIMS), "LCP", "TBT", "CLS", "kB"].join("  "));
  let missed = false;
  for (const page of pages) {
    const report = await audit(`http://127.0.0.1:${server.address().port}/${page}`);
    const scores = scoresOf(report);
    const [lcp, tbt, cls, bytes] = [
      "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift", "total-byte-weight",
    ].map(name => report.audits[name].numericValue);
    console.log([
      page.padEnd(width), ...Object.keys(AIMS).map((name, i) => String(scores[i]).padStart(name.length)),
      `${(lcp / 1000).toFixed(1)}`.padStart(3), `${Math.round(tbt)}`.padStart(3), cls.toFixed(2).padStart(3),
      `${Math.round(bytes / 1000)}`.padStart(3),
    ].join("  "));
    for (const [i, [name, aim]] of Object.entries(AIMS).entries()) {
      if (scores[i] >= aim) continue;
      missed = true;
      for (const { id } of report.categories[name].auditRefs.filter(ref => ref.weight))
        if (report.audits[id].score !== null && report.audits[id].score < 0.9)
          console.log(`    ${name}: ${report.audits[id].title} ${report.audits[id].displayValue ?? ""}`);
    }
  }
  server.close();
  process.exitCode = missed ? 1 : 0;
}

const scoresOf = report => Object.keys(AIMS).map(name => Math.round(100 * report.categories[name].score));

async function audit(url) {
  const reports = [await lighthouse(url)];
  if (scoresOf(reports[0]).some((score, i) => score < Object.values(AIMS)[i])) {
    reports.push(await lighthouse(url), await lighthouse(url));
    reports.sort((a, b) => a.categories.performance.score - b.categories.performance.score);
  }
  return reports[reports.length >> 1];
}

function lighthouse(url) {
  const folder = mkdtempSync(join(tmpdir(), "lighthouse-"));
  const flags = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    + "--disable-background-networking --disable-component-update";
  const output = join(folder, "report.json");
  const child = spawn("npx", [
    "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", `--output-path=${output}`,
    `--only-categories=${Object.keys(AIMS)}`, `--chrome-flags=${flags} --user-data-dir=${join(folder, "profile")}`,
  ], { env: { ...process.env, CHROME_PATH: chromium }, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise(resolve => child.on("close", code => {
    if (code || !existsSync(output)) fail(`Lighthouse failed on ${url}`);
    const report = JSON.parse(readFileSync(output, "utf8"));
    rmSync(folder, { recursive: true, force: true });
    resolve(report);
  }));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
