import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "vitest";
import { htmlText } from "../../src/documents/html-text";
import { readDocument } from "../../src/documents/read-document";
import { ATTACKS } from "../ui/markdown/attacks";

describe("HTML's text", () => {
  test.for<[name: string, html: string, text: string]>([
    [
      "has its title first",
      "<title>Cats</title><p>They purr.",
      "# Cats\n\nThey purr.",
    ],
    [
      "has a title that is a heading too only once",
      "<title>Cats</title><h1>Cats</h1><p>They purr.",
      "# Cats\n\nThey purr.",
    ],
    [
      "has headings by rank, on one line",
      "<h1>A <em>b</em></h1>text<h3>c<br>d</h3>",
      "# A b\n\ntext\n\n### c d",
    ],
    [
      "has paragraphs apart, and white space that only separates words",
      "<p>  One\n  <b>two</b>three </p> <p>four <i> five</i></p>",
      "One twothree\n\nfour five",
    ],
    [
      "breaks lines where they are broken",
      "a<br>b <br/> c<br><br>d",
      "a\nb\nc\n\nd",
    ],
    [
      "puts boxes on lines of their own",
      "<div>a<div>b</div>c</div>d",
      "a\nb\nc\nd",
    ],
    [
      "has lists with bullets, numbers and depth",
      "<ul><li>a<ul><li><p>b</p></li><li></li></ul></li><li>c</li></ul><ol start=3><li>d<li>e</ol>",
      "- a\n  - b\n- c\n\n3. d\n4. e",
    ],
    [
      "has rows of a table as lines",
      "<table><caption>Prices</caption><tr><th>Fruit<th>Price<tr><td>Apple<p>(red)<td>1.50<tr><td><td>2</table>",
      "Prices\nFruit | Price\nApple (red) | 1.50\n | 2",
    ],
    [
      "has a table that lays out a page as what is in it",
      "<table><tr><td><p>a</p><p>b</p></td><td><table><tr><td>c<td>d</table></td></tr></table>",
      "a\n\nb\n\nc | d",
    ],
    [
      "keeps code as it stands",
      "<p>x<pre><code>if (a)\n    b <b>&lt;</b> c;<br>d\n</code></pre>y",
      "x\n\nif (a)\n    b < c;\nd\n\ny",
    ],
    ["names pictures", "a <img src=x alt='a cat'> b", "a a cat b"],
    [
      "has nothing that is not read",
      "<body><style>p{}</style><script>x</script><template>x</template><noscript>x</noscript><svg><title>x</title></svg>" +
        "<textarea>x</textarea><select><option>x</select><pre>a<script>x</script></pre><!-- x -->",
      "a",
    ],
    [
      "has nothing that is hidden",
      "<p hidden>x<p aria-hidden=true>x<p style='color: red; DISPLAY : none'>x<p style=visibility:hidden>x" +
        "<dialog>x</dialog><h1 hidden>x</h1><pre>a<b hidden>x</b></pre><ul><li hidden>x<li>b</ul>" +
        "<p style='--display:nonesuch'>c",
      "a\n\n- b\n\nc",
    ],
  ])("%s", ([, html, text]) => {
    expect(htmlText(html)).toBe(text);
  });

  test("of very many elements, or very deep ones, takes no long time", () => {
    const start = performance.now();
    expect(htmlText("<ol>" + "<li>a".repeat(20_000))).toMatch(/20000\. a$/);
    expect(htmlText("<div>".repeat(20_000) + "deep")).toBe("deep");
    expect(htmlText("<table>" + "<tr><td>a<td>b".repeat(10_000))).toMatch(
      /^a \| b\na \| b/,
    );
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test("is decoded as the file declares, where it is not UTF-8", async () => {
    const latin1 = Uint8Array.from(
      [..."<meta charset=iso-8859-1><p>caf\u00E9"].map((c) => c.charCodeAt(0)),
    );
    expect(await readDocument(new File([latin1], "a.html"))).toEqual({
      name: "a.html",
      text: "caf\u00E9",
    });
  });
});

describe("Hostile HTML", () => {
  const world = globalThis as unknown as { pwned: () => void };
  let runs = 0;

  beforeAll(() => {
    performance.setResourceTimingBufferSize(10_000);
  });

  beforeEach(() => {
    runs = 0;
    world.pwned = () => void runs++;
    performance.clearResourceTimings();
  });

  afterEach(() => document.querySelector("img.control")?.remove());

  function requests(): string[] {
    return performance
      .getEntriesByType("resource")
      .map(({ name }) => name)
      .filter((name) => /beacon|evil\.invalid/.test(name));
  }

  async function read(html: string): Promise<void> {
    const page = document.documentElement.innerHTML;
    const file = new File([html], "a.html", { type: "text/html" });
    await readDocument(file);
    // A request or a handler would come with the next tasks.
    await new Promise((done) => setTimeout(done, 50));
    expect(document.documentElement.innerHTML).toBe(page);
  }

  test("is noticed when it does run and fetch", async () => {
    const image = new Image();
    image.className = "control";
    image.onerror = () => world.pwned();
    image.src = "/beacon/control.png";
    document.body.append(image);
    await expect.poll(requests).toHaveLength(1);
    await expect.poll(() => runs).toBe(1);
  });

  test.for([
    ...ATTACKS.filter((attack) => attack.startsWith("<")),
    '<meta http-equiv="refresh" content="0;url=/beacon/refresh">',
    '<base href="https://evil.invalid/"><img src="beacon.png">',
    '<link rel="stylesheet" href="/beacon/a.css"><link rel="preload" as="image" href="/beacon/b.png">',
    '<iframe src="/beacon/frame" srcdoc="<script>parent.pwned()</script>"></iframe>',
    '<object data="/beacon/o"></object><embed src="/beacon/e">',
    "<style>@import url(/beacon/i.css); body { background: url(/beacon/bg.png) }</style>",
    '<p style="background: url(/beacon/p.png)">x</p>',
  ])("does nothing: %s", async (attack) => {
    // The text goes first: some attacks swallow what is behind them.
    await read(`<p>The text.</p>${attack}`);
    await read(`<title>The text</title>${attack}`);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
  });
});
