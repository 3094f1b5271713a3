// An EventSource reads a stream to its end, coming back by itself as often as it is cut: Chromium's (`chromium` is
// where it is) on a page of `origin`, or the npm package's.
// {url, names, last: [event's name, type in its data], credentials?, chromium?, origin?}
//   -> {opens, breaks, closed: whether the server ended it, events: [{name, id, data}]}
import { createServer } from "node:http";
import { EventSource as PackagedEventSource } from "eventsource";

// Runs in the page too, so it uses nothing from outside.
function follow({ url, names, last, credentials }, Source = EventSource) {
  return new Promise((done) => {
    const found = { opens: 0, breaks: 0, closed: false, events: [] };
    const source = new Source(url, { withCredentials: Boolean(credentials) });
    source.onopen = () => { found.opens += 1; };
    source.onerror = () => {
      if (source.readyState !== source.CLOSED) { found.breaks += 1; return; }
      found.closed = true;
      done(found);
    };
    for (const name of names) source.addEventListener(name, (event) => {
      const data = JSON.parse(event.data);
      found.events.push({ name, id: event.lastEventId, data });
      if (last && name === last[0] && data.type === last[1]) { source.close(); done(found); }
    });
  });
}

const BLANK = { contentType: "text/html", body: "<!doctype html>" };

async function inBrowser(given) {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: given.chromium, args: ["--no-sandbox", "--disable-gpu"] });
  // A page of another origin is really served: browsers ask where a page came from.
  const pages = createServer((_, response) => response.setHeader("Content-Type", BLANK.contentType).end(BLANK.body));
  try {
    const page = await browser.newPage();
    const place = `${given.origin ?? new URL(given.url).origin}/blank`;
    if (given.origin) await new Promise((done) => pages.listen(new URL(given.origin).port, "127.0.0.1", done));
    else await page.route(place, (route) => route.fulfill(BLANK));
    await page.goto(place);
    return await page.evaluate(follow, given);
  } finally {
    await browser.close();
    pages.close();
  }
}

const given = JSON.parse(process.argv[2]);
console.log(JSON.stringify(await (given.chromium ? inBrowser(given) : follow(given, PackagedEventSource))));
