// A page takes in the built library: as it stands, in React and Vue, from another origin; and under a policy
// that allows nothing but a page's own files, as the built page must.
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildLibrary, inProduction } from "../../tools/library.mjs";
import {
  BUDGET_BYTES,
  engineGzipBytes,
  gzipBytes,
  sizesOf,
  sizeTable,
} from "../../tools/size.mjs";
import { pdfOf } from "../documents/pdf-file";
import { launch } from "./browser";
import { complaintsOf, type FileServer, serveFolder } from "./library";
import { PackedLibrary } from "./packed";

const root = fileURLToPath(new URL("../..", import.meta.url));
const TINY = "/public/models/rondo-tiny/";
/** What docs/embedding.md says a page may send. */
const POLICY = "default-src 'self'";

let browser: Browser;
let server: FileServer;
let chunks: Awaited<ReturnType<typeof buildLibrary>>;

beforeAll(async () => {
  chunks = await buildLibrary();
  const configFile = `${root}examples/vite.config.ts`;
  await inProduction({ configFile, logLevel: "error" });
  server = await serveFolder(".", { "content-security-policy": POLICY });
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  server.close();
});

interface Opened {
  page: Page;
  complaints: string[];
}

async function open(address: string): Promise<Opened> {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  const complaints = await complaintsOf(page);
  await page.goto(address);
  return { page, complaints };
}

async function say(chat: Locator, message: string): Promise<void> {
  const box = chat.getByRole("textbox", { name: "Message" });
  await box.fill(message);
  await box.press("Enter");
}

/** Does in a chat what has ever needed more than a page's own files, somewhere. */
async function useAll(page: Page, chat: Locator): Promise<void> {
  await say(chat, "My cat is called Miso.");
  await chat.getByText(/prefilled/).waitFor();
  await chat
    .locator("rondo-composer input[type=file]")
    .setInputFiles([
      file("notes.txt", "text/plain", "Bread needs flour."),
      file("paper.pdf", "application/pdf", pdfOf([{ text: "Tea.", y: 700 }])),
    ]);
  for (const name of ["notes.txt", "paper.pdf"])
    await chat.locator("rondo-document").getByText(name).waitFor();
  // The tiny model writes no Markdown; what shows a model's does the same with this.
  await page.evaluate(async (text) => {
    const shown = document.createElement("rondo-markdown");
    Object.assign(shown, { text });
    document.body.append(shown);
    await (shown as unknown as { updateComplete: Promise<unknown> })
      .updateComplete;
  }, MARKDOWN);
  await page.locator("rondo-markdown table").waitFor();
}

const MARKDOWN = `
# Bread

- [x] *flour*, **water**, [salt](https://example.org/)

| what | grams |
| :-- | --: |
| flour | 500 |

\`\`\`js
const flour = 500;
\`\`\`

$E = mc^2$ <b style="color: red" onclick="alert(1)">bold</b> ![](https://example.org/image.png)
`;

function file(name: string, mimeType: string, content: string) {
  return { name, mimeType, buffer: Buffer.from(content, "latin1") };
}

/** What package.json says. */
interface Manifest {
  exports: Record<string, Target>;
  types: string;
  customElements: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

type Target = string | { [condition: string]: Target };

function targetsOf(target: Target): string[] {
  return typeof target === "string"
    ? [target]
    : Object.values(target).flatMap(targetsOf);
}

test("what a page loads at the start is within the budget, and so is the engine alone", () => {
  const sizes = sizesOf(chunks);
  const atStart = gzipBytes(sizes, "start");
  expect(atStart, sizeTable(sizes)).toBeLessThanOrEqual(BUDGET_BYTES);
  const engine = engineGzipBytes(chunks, sizes);
  expect(engine, sizeTable(sizes)).toBeLessThanOrEqual(BUDGET_BYTES);
  // The engine is in both, so it is counted.
  expect(Math.min(atStart, engine)).toBeGreaterThan(BUDGET_BYTES / 3);
});

test("the package has all that it says it has, for every kind of bundler", async () => {
  const { messages } = await publint({
    pkgDir: root,
    pack: false,
    strict: true,
  });
  expect(messages).toEqual([]);
});

test("npm packs all that package.json names and types import, nothing else, and Node loads it without a DOM", async () => {
  const packed = await PackedLibrary.pack();
  const files = await packed.files();
  const { exports, types, customElements, ...others } = JSON.parse(
    await packed.read("package.json"),
  ) as Manifest;

  const named = [types, `./${customElements}`, ...targetsOf(exports)];
  for (const path of named) expect(files).toContain(path);
  for (const path of files)
    expect(path).toMatch(
      /^\.\/(dist\/lib\/.*|package\.json|LICENSE|(README|CHANGELOG)\.md)$/,
    );

  const needed = { ...others.dependencies, ...others.peerDependencies };
  for (const path of files.filter((path) => path.endsWith(".d.ts"))) {
    const declarations = await packed.read(path);
    for (const [, imported] of declarations.matchAll(
      /(?:from |import\()"([^"]+)"/g,
    ))
      if (imported!.startsWith(".")) {
        const target = posix.join(posix.dirname(path), imported!);
        expect(files).toContain(`./${target.replace(/\.js$/, ".d.ts")}`);
      } else expect(Object.keys(needed), path).toContain(imported);
  }

  // Bundlers look for workers letter by letter.
  const code = await Promise.all(
    files
      .filter((path) => path.endsWith(".js"))
      .map((path) => packed.read(path)),
  );
  for (const name of ["worker.js", "pdf-worker.js"]) {
    expect(files).toContain(`./dist/lib/${name}`);
    expect(code.join("\n")).toContain(
      `new Worker(new URL("./${name}",import.meta.url),`,
    );
  }

  const names = Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([name]) => posix.join("rondo", name));
  const printed = packed.runNode(`
    for (const name of ["document", "window", "HTMLElement", "customElements"])
      Object.defineProperty(globalThis, name, {
        get() { throw new Error(name + " is not for a server."); },
      });
    const exported = {};
    for (const name of ${JSON.stringify(names)})
      exported[name] = Object.keys(await import(name));
    console.log(JSON.stringify(exported));
  `);
  expect(JSON.parse(printed)).toEqual({
    rondo: expect.arrayContaining(["Engine", "RemoteEngine"]) as unknown,
    "rondo/define": [],
    "rondo/memory": [],
    "rondo/openai": ["ApiError", "createOpenAI", "openAIFetch"],
    "rondo/web-llm": ["ApiError", "CreateMLCEngine", "MLCEngine"],
    "rondo/ai-sdk": ["RondoLanguageModel", "rondo"],
    "rondo/prompt-api": ["createLanguageModel", "installLanguageModel"],
  });
  await packed.remove();
});

test("two chats in a page without a bundler: they read a text and a PDF, show Markdown, and ask for nothing but the page's own files", async () => {
  const { page, complaints } = await open(
    `${server.url}examples/plain/index.html`,
  );
  await useAll(page, page.locator("#left"));
  expect(await page.locator("#said").innerText()).toMatch(/^left: ./);
  await say(page.locator("#right"), "What is my cat called?");
  await page.getByText(/^right: /).waitFor();
  for (const worker of page.workers())
    expect(worker.url()).toBe(`${server.url}dist/lib/worker.js`);
  expect(complaints).toEqual([]);
  await page.close();
});

test.each(["react", "vue"])(
  "in %s, properties and events are bound, and it chats",
  async (name) => {
    const { page, complaints } = await open(
      `${server.url}dist/examples/examples/${name}/index.html`,
    );
    await page.getByText("The model is ready.").waitFor();
    const chat = page.locator("rondo-chat");
    const examples = chat.locator("rondo-examples").getByRole("button");
    expect(await examples.allInnerTexts()).toEqual([
      "My cat is called Miso.",
      "What is my cat called?",
    ]);
    await examples.first().click();
    await page.getByText(/It said: \S/).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  },
);

test("the library may come from another origin, its workers too", async () => {
  const elsewhere = await serveFolder("dist/lib", {
    "access-control-allow-origin": "*",
  });
  const { origin } = new URL(elsewhere.url);
  const pages = await serveFolder(
    ".",
    {
      "content-security-policy": `default-src 'self'; script-src 'self' ${origin}; worker-src blob: ${origin}`,
    },
    {
      "/page.html": `<!doctype html><title>Elsewhere</title><link rel="icon" href="/public/icon.svg">
        <script type="module" src="${origin}/define.js"></script>
        <rondo-chat model="${TINY}"></rondo-chat>`,
    },
  );
  const { page, complaints } = await open(`${pages.url}page.html`);
  await useAll(page, page.locator("rondo-chat"));
  expect(complaints).toEqual([]);
  await page.close();
  pages.close();
  elsewhere.close();
});

test("the built page works under the same policy", async () => {
  const pages = await serveFolder("dist/page", {
    "content-security-policy": POLICY,
  });
  const { page, complaints } = await open(`${pages.url}index.html`);
  await useAll(page, page.locator("rondo-chat"));
  expect(complaints).toEqual([]);
  await page.close();
  pages.close();
});

const CHAT = `<script type="module" crossorigin src="/dist/lib/define.js"></script>
  <rondo-chat model="${TINY}" compact style="height: 600px"></rondo-chat>`;

test("a page that requires trusted types allows two policies by name, and all of the element works", async () => {
  const strict = await serveFolder(
    ".",
    {
      "content-security-policy":
        "require-trusted-types-for 'script'; trusted-types rondo lit-html",
    },
    { "/strict": `<!doctype html><link rel="icon" href="data:,">${CHAT}` },
  );
  try {
    const { page, complaints } = await open(`${strict.url}strict`);
    await useAll(page, page.locator("rondo-chat"));
    expect(complaints).toEqual([]);
    await page.close();
  } finally {
    strict.close();
  }
}, 300_000);

test("in a sandboxed frame without an origin, it answers and says that nothing is kept", async () => {
  const open = await serveFolder(
    ".",
    { "access-control-allow-origin": "*" },
    {
      "/frame": `<!doctype html><iframe sandbox="allow-scripts" src="/chat" style="width: 900px; height: 700px"></iframe>`,
      "/chat": `<!doctype html>${CHAT}`,
    },
  );
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(`${open.url}frame`);
    const chat = page.frameLocator("iframe").locator("rondo-chat");
    await chat.getByText(/so nothing is kept/).waitFor();
    await say(chat, "My cat is called Miso.");
    await chat.getByText(/prefilled/).waitFor();
    await page.close();
  } finally {
    open.close();
  }
}, 300_000);
