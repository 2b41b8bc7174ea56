import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "vitest";
import { renderMarkdown, sanitise } from "../../src/ui/markdown";
import { ATTACKS } from "./attacks";
import { find, mountChat, readyAtOnce, say, settle } from "./mount";

const ELEMENTS =
  "p br hr blockquote pre ul ol li h1 h2 h3 h4 h5 h6 a b code del em i kbd s strong sub sup table thead tbody tr th td".split(
    " ",
  );
const ATTRIBUTES = ["href", "target", "rel", "class", "start", "align"];

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

describe("Hostile output", () => {
  test.for(ATTACKS)("as Markdown does nothing: %s", async (attack) => {
    const fragment = renderMarkdown(attack);
    expect(faults(fragment)).toEqual([]);
    stage.append(fragment);
    await touch(stage);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
  });

  test.for(ATTACKS)("as HTML does nothing: %s", async (attack) => {
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
    }
    reply!.end();
    await settle();
    const text = find("rondo-markdown").shadowRoot!;
    await touch(text);
    expect(runs).toBe(0);
    expect(requests()).toEqual([]);
    const strange = [...text.querySelectorAll("*")]
      .map(({ localName }) => localName)
      .filter((name) => !ELEMENTS.includes(name));
    // The page's own frames around code and tables.
    expect(new Set(strange)).toEqual(
      new Set(["div", "span", "rondo-copy-button"]),
    );
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
