/** Which requests the page cache answers, and how its files are downloaded and read. */
import { createHash } from "node:crypto";
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PageCache } from "../../src/offline/page-cache";
import type { PageVersion } from "../../src/offline/page-version";
import { type Asked, routeOf } from "../../src/offline/route";
import { listPageFiles } from "../../tools/service-worker.mjs";

const SCOPE = "https://example.org/rondo/";

describe("Of requests, the page cache answers", () => {
  const version: PageVersion = {
    name: "1",
    files: { "": "", "icon.svg": "", "assets/index-1.js": "" },
  };
  const route = (
    path: string,
    {
      headers = {},
      ...asked
    }: Partial<Omit<Asked, "headers">> & {
      headers?: Record<string, string>;
    } = {},
  ) =>
    routeOf(
      {
        url: new URL(path, SCOPE).href,
        method: "GET",
        mode: "cors",
        ...asked,
        headers: new Headers(headers),
      },
      SCOPE,
      version,
    );

  it.each(["", "index.html", "?source=app", "#chat=1", "index.html?a#b"])(
    "a visit to the page itself, at “%s”",
    (path) => expect(route(path, { mode: "navigate" })).toEqual({ path: "" }),
  );

  it("its files", () =>
    expect(route("icon.svg")).toEqual({ path: "icon.svg" }));

  it("files of another version, whose names carry a hash", () =>
    expect(route("assets/pdf-0.js")).toEqual({ path: "assets/pdf-0.js" }));

  it.each([
    ["bytes=0-7", { start: 0, end: 8 }],
    ["bytes=8-", { start: 8, end: Infinity }],
  ])("a part of a file: %s", (range, part) =>
    expect(route("icon.svg", { headers: { range } })).toEqual({
      path: "icon.svg",
      part,
    }),
  );

  it.each(["bytes=-8", "bytes=0-1,3-4", "bytes=7-6", "lines=1-2"])(
    "no other parts: %s",
    (range) =>
      expect(route("icon.svg", { headers: { range } })).toBeUndefined(),
  );

  it.each([
    "https://huggingface.co/icon.svg",
    "https://example.org/icon.svg",
    "https://example.org/rondo-2/icon.svg",
    "icon.svg?2",
    "api/chats",
    "toString",
  ])("not what is none of its files: %s", (path) =>
    expect(route(path)).toBeUndefined(),
  );

  it("no visit to another page beside it", () =>
    expect(route("docs/", { mode: "navigate" })).toBeUndefined());

  it("nothing but GET", () =>
    expect(route("icon.svg", { method: "HEAD" })).toBeUndefined());
});

describe("Versions of the page", () => {
  it("download new files, and copy unchanged ones from each other", async () => {
    const first = version({ "": "page", "a.js": "a" });
    await first.install();
    expect(asked).toEqual(["", "a.js"]);
    const second = version({ "": "new page", "a.js": "a" });
    await second.install();
    expect(asked).toEqual(["", "a.js", ""]);
    expect(await textOf(second.read(""))).toBe("new page");
    expect(await textOf(second.read("a.js"))).toBe("a");
    expect(await textOf(first.read(""))).toBe("page");
  });

  it("that are not whole fail, and go on from there when they are tried again", async () => {
    const whole = version({ "": "page", "a.js": "a" });
    served.delete("a.js");
    await expect(whole.install()).rejects.toThrow(
      `${SCOPE}a.js answered with status 404`,
    );
    served.set("a.js", "a");
    await whole.install();
    expect(asked).toEqual(["", "a.js", "a.js"]);
  });

  it("download files again that have changed", async () => {
    const page = version({ "": "page" });
    await page.install();
    const [name] = await caches.keys();
    await (await caches.open(name!)).put(SCOPE, new Response("pa"));
    await page.install();
    expect(await textOf(page.read(""))).toBe("page");
  });

  it("answer with files of others until these are forgotten", async () => {
    await version({ "": "page", "assets/a-1.js": "1" }).install();
    const newer = version({ "": "new page" });
    await newer.install();
    expect(await textOf(newer.read("assets/a-1.js"))).toBe("1");
    expect(await newer.hasOthers()).toBe(true);
    await newer.deleteOthers();
    expect(await newer.read("assets/a-1.js")).toBeUndefined();
    expect(await newer.hasOthers()).toBe(false);
  });

  it("leave alone what else is kept on the site, by pages in other folders too", async () => {
    const foreign = ["rondo-page https://example.org/ 1", "something else"];
    for (const name of foreign) await caches.open(name);
    const page = version({ "": "page" });
    await page.install();
    await page.deleteOthers();
    expect(await caches.keys()).toEqual(expect.arrayContaining(foreign));
  });

  it("give parts of a file as a server does", async () => {
    const page = version({ "": "0123456789" });
    await page.install();
    const read = async (start: number, end: number) => {
      const response = await page.read("", { start, end });
      const { status, headers } = response!;
      const range = headers.get("content-range");
      return [status, range, await response!.text()];
    };
    expect(await read(4, 8)).toEqual([206, "bytes 4-7/10", "4567"]);
    expect(await read(8, Infinity)).toEqual([206, "bytes 8-9/10", "89"]);
    expect(await read(10, 12)).toEqual([416, "bytes */10", ""]);
  });

  it("have nothing to say where the browser cannot read what it keeps", async () => {
    const page = version({ "": "page" });
    await page.install();
    caches.open = () => Promise.reject(new Error("The disk is gone."));
    expect(await page.read("")).toBeUndefined();
  });
});

describe("The list of a built page's files", () => {
  let folder = "";
  afterEach(() => rm(folder, { recursive: true }));

  it("has each of them as the page asks for it, and is another when one of them is", async () => {
    folder = await mkdtemp(join(tmpdir(), "rondo-list-"));
    await mkdir(join(folder, "assets"));
    const write = (name: string, text: string) =>
      writeFile(join(folder, name), text);
    await write("index.html", "page");
    await write("assets/a b.js", "a");
    await write("assets/a b.js.map", "left out");
    await write("service-worker.js", "work();");
    const list = async () => {
      listPageFiles(folder);
      const file = join(folder, "service-worker.js");
      const [first, ...code] = (await readFile(file, "utf8")).split("\n");
      expect(code).toEqual(["work();"]);
      const json = /^self\.pageVersion=(.*);$/.exec(first!)![1]!;
      return JSON.parse(json) as PageVersion;
    };
    const version = await list();
    expect(version.files).toEqual({
      "": hashOf("page"),
      "assets/a%20b.js": hashOf("a"),
    });
    expect(await list()).toEqual(version);
    await write("index.html", "new page");
    expect((await list()).name).not.toBe(version.name);
  });
});

/** What a server has, by path, and what it was asked for. */
let served: Map<string, string>;
let asked: string[];
let caches: MemoryCaches;

beforeEach(() => {
  served = new Map();
  asked = [];
  caches = new MemoryCaches();
});

/** A version of the page with these files, which the server has from now on. */
function version(files: Record<string, string>): PageCache {
  const list: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) {
    served.set(path, text);
    list[path] = hashOf(text);
  }
  return new PageCache({
    version: { name: JSON.stringify(list), files: list },
    scope: SCOPE,
    caches,
    fetch: async (url) => {
      const path = (url as string).slice(SCOPE.length);
      asked.push(path);
      const text = served.get(path);
      return new Response(text ?? "", {
        status: text === undefined ? 404 : 200,
      });
    },
  });
}

/** As `integrity` takes it. */
function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

async function textOf(read: Promise<Response | undefined>) {
  return (await read)?.text();
}

/** As much of CacheStorage as is used. */
class MemoryCaches {
  readonly #caches = new Map<string, Cache>();

  open = async (name: string): Promise<Cache> => {
    const kept = new Map<string, Response>();
    const cache: Pick<Cache, "match" | "put"> = {
      match: async (url) => kept.get(url as string)?.clone(),
      put: async (url, response) => void kept.set(url as string, response),
    };
    const opened = this.#caches.get(name) ?? (cache as Cache);
    this.#caches.set(name, opened);
    return opened;
  };

  keys = async (): Promise<string[]> => [...this.#caches.keys()];

  delete = async (name: string): Promise<boolean> => this.#caches.delete(name);
}
