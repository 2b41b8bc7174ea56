import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "vitest";
import { renderMarkdown, sanitise } from "../../../src/ui/markdown/markdown";
import { mathNodes } from "../../../src/ui/markdown/math-nodes";
import { keptChat, keptDocument } from "../../support/kept-chat";
import { ATTACKS, SPRAWLS, TEX_ATTACKS } from "./attacks";
import {
  find,
  findAll,
  mountChat,
  openKept,
  readyAtOnce,
  say,
  settle,
} from "../mount";

const ELEMENTS =
  "p br hr blockquote pre ul ol li h1 h2 h3 h4 h5 h6 a b code del em i kbd s strong sub sup table thead tbody tr th td details ins mark small summary u".split(
    " ",
  );
const MATHML = "http://www.w3.org/1998/Math/MathML";
const MATH_ELEMENTS =
  "math mrow mi mn mo mtext mspace msup msub msubsup mover munder munderover mfrac msqrt mroot mtable mtr mtd mstyle mpadded mphantom".split(
    " ",
  );
/** None of them takes an address. */
const MATH_ATTRIBUTES =
  "class display displaystyle scriptlevel stretchy symmetric fence separator form movablelimits accent accentunder columnalign mathvariant lspace rspace minsize maxsize linethickness width height depth voffset mathsize columnspacing rowspacing".split(
    " ",
  );
const ATTRIBUTES = ["href", "target", "rel", "class", "start", "align", "open"];

const world = globalThis as unknown as { pwned: () => void };
let runs = 0;
let stage: HTMLElement;

beforeAll(() => {
  performance.setResourceTimingBufferSize(10_000);
});

beforeEach(() => {
  runs = 0;
  world.pwned = () => void runs++;
  stage = document.createElement("div");
  document.body.append(stage);
});

afterEach(() => stage.remove());

/** With as much of each as a test's name may be. */
const named = (texts: readonly string[]) =>
  texts.map((text): [string, string] => [text.slice(0, 60), text]);

/** Requests to where the attacks point. */
function requests(): string[] {
  return performance
    .getEntriesByType("resource")
    .map(({ name }) => name)
    .filter((name) => /beacon|evil\.invalid/.test(name));
}

/** Whatever a passing user might set off without meaning to. */
async function touch(root: ParentNode): Promise<void> {
  for (const element of root.querySelectorAll("*"))
    for (const type of [
      "mouseover",
      "mouseenter",
      "focus",
      "focusin",
      "toggle",
    ])
      element.dispatchEvent(new Event(type, { bubbles: true }));
  await nextFrame();
}

const nextFrame = () => new Promise(requestAnimationFrame);

/** What is wrong with these nodes: an element or attribute off the list, or an address that is not the web's. */
function faults(root: ParentNode): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll("*")) {
    const name = element.localName;
    if (element.namespaceURI !== "http://www.w3.org/1999/xhtml")
      found.push(`${name} in ${element.namespaceURI}`);
    if (!ELEMENTS.includes(name)) found.push(name);
    for (const { name: attribute, value } of element.attributes) {
      if (!ATTRIBUTES.includes(attribute)) found.push(`${name}[${attribute}]`);
      if (attribute === "class" && !/^language-[\w+#.-]+$/.test(value))
        found.push(`class ${value}`);
    }
    if (
      !(element instanceof HTMLAnchorElement) ||
      !element.hasAttribute("href")
    )
      continue;
    if (!["http:", "https:", "mailto:"].includes(element.protocol))
      found.push(`address ${element.href}`);
    if (element.target !== "_blank" || element.rel !== "noopener noreferrer")
      found.push(`link to ${element.href} keeps its opener`);
    if (element.origin === location.origin)
      found.push(`relative address ${element.getAttribute("href")}`);
  }
  return found;
}

describe("The attacks' own test", () => {
  test("notices a script that runs and a request that is made", async () => {
    stage.innerHTML =
      '<img src="/beacon/control.png"><div onmouseover="pwned()">x</div>';
    await touch(stage);
    await expect.poll(requests).toHaveLength(1);
    performance.clearResourceTimings();
    expect(runs).toBeGreaterThan(0);
    expect(faults(stage)).toEqual([
      "img",
      "img[src]",
      "div",
      "div[onmouseover]",
    ]);
  });
});

describe("A hostile formula", () => {
  test.for(named(TEX_ATTACKS))("does nothing: %s", async ([, tex]) => {
    for (const isDisplay of [false, true]) {
      const math = mathNodes(tex, isDisplay);
      if (math === undefined) continue;
      stage.append(math);
      for (const element of [math, ...math.querySelectorAll("*")]) {
        expect(element.namespaceURI).toBe(MATHML);
        expect(MATH_ELEMENTS).toContain(element.localName);
        for (const { name, value } of element.attributes) {
          expect(MATH_ATTRIBUTES).toContain(name);
          expect(value).toMatch(/^[\w .%+-]*$/);
          for (const [, length] of value.matchAll(/(-?[\d.]+)(?:em|ex)/g))
            expect(Math.abs(Number(length))).toBeLessThanOrEqual(20);
          if (name === "class") expect(value).toMatch(/^(boxed|struck)$/);
        }
      }
    }
    await touch(stage);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
  });
});

describe("Hostile output", () => {
  test.for(named(ATTACKS))(
    "as Markdown does nothing: %s",
    async ([, attack]) => {
      const fragment = renderMarkdown(attack);
      expect(faults(fragment)).toEqual([]);
      stage.append(fragment);
      await touch(stage);
      expect(runs).toBe(0);
      expect(requests()).toEqual([]);
    },
  );

  test.for(named(ATTACKS))("as HTML does nothing: %s", async ([, attack]) => {
    const fragment = sanitise(attack);
    expect(faults(fragment)).toEqual([]);
    stage.append(fragment);
    await touch(stage);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
  });

  test("does nothing in the page, streamed in pieces", async () => {
    const { engine } = await mountChat(readyAtOnce);
    await say("Attack!");
    const [reply] = engine.replies;
    for (const attack of ATTACKS) {
      const half = Math.floor(attack.length / 2);
      reply!.text(`\n\n${attack.slice(0, half)}`);
      await nextFrame();
      reply!.text(attack.slice(half));
      await nextFrame();
      // Each in a reply of its own would take a minute; in one, what comes first would swallow the rest.
      reply!.text("\n\n```\n```\n\n");
    }
    reply!.end();
    await settle();
    const text = find("rondo-markdown").shadowRoot!;
    await touch(text);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
    await expect
      .poll(() => text.querySelectorAll("math").length)
      .toBeGreaterThan(0);
    const strange = [...text.querySelectorAll("*")]
      .filter(({ namespaceURI }) => namespaceURI !== MATHML)
      .map(({ localName }) => localName)
      .filter((name) => !ELEMENTS.includes(name));
    // The page's own frames around code and tables.
    expect(new Set(strange)).toEqual(
      new Set(["div", "span", "rondo-copy-button"]),
    );
  });

  test.for(named(SPRAWLS))("stays in its place: %s", async ([, sprawl]) => {
    const chat = keptChat("a", [["Attack!", sprawl]]);
    await openKept(chat, {}, 360);
    const text = find("rondo-markdown");
    const log = find('[role="log"]');
    expect(log.scrollWidth).toBeLessThanOrEqual(log.clientWidth);
    const own = text.getBoundingClientRect();
    const page = document.documentElement;
    for (let x = 2; x < page.clientWidth; x += 40)
      for (let y = 2; y < page.clientHeight; y += 20) {
        // What may be painted beyond an element's edges is its margin for outlines.
        const isIn = y >= own.top - 8 && y <= own.bottom + 8;
        if (!isIn)
          expect(deepest(x, y)?.getRootNode()).not.toBe(text.shadowRoot);
      }
  });

  test("in names of documents and chats is the text it is", async () => {
    const name = "\u202e<img src=/beacon/name.png onerror=pwned()>.md";
    const chat = keptChat("a", [[name, "x"]], { title: name });
    chat.rounds.push(keptDocument(2, { name, text: name }));
    chat.rounds.push({
      ...chat.rounds[0]!,
      id: 3,
      versions: [3],
      attended: [2],
    });
    await openKept(chat);
    findAll(".attended").forEach((button) => button.click());
    await settle();
    const strip = find("rondo-attention").shadowRoot!;
    expect(strip.querySelector(".words")!.textContent).toMatch(/^<img src=/);
    await touch(document);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
    const titles = findAll(".title, .words, .name").filter(({ textContent }) =>
      textContent.includes("onerror"),
    );
    expect(titles.length).toBeGreaterThan(2);
    // Text that is turned around turns nothing else around.
    for (const title of titles)
      expect(getComputedStyle(title).unicodeBidi).toMatch(/isolate|plaintext/);
  });

  test("cannot make a link that knows where it came from", () => {
    const fragment = renderMarkdown(
      "[x](https://example.org) <me@example.org>",
    );
    const links = [...fragment.querySelectorAll("a")];
    expect(links.map(({ href }) => href)).toEqual([
      "https://example.org/",
      "mailto:me@example.org",
    ]);
    for (const link of links) {
      expect(link.target).toBe("_blank");
      expect(link.rel).toBe("noopener noreferrer");
    }
  });

  test("has made no request by the end of all this", async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(requests()).toEqual([]);
  });
});

/** The element at a point of the page, through all shadow roots. */
function deepest(x: number, y: number): Element | null {
  let found = document.elementFromPoint(x, y);
  for (;;) {
    const inside = found?.shadowRoot?.elementFromPoint(x, y);
    if (!inside || inside === found) return found;
    found = inside;
  }
}
