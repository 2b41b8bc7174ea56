// The page is kept in the browser: it opens without a network, and its next version comes when it is asked for.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext } from "playwright";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "vitest";
import { ChatPage, launch } from "./browser";
import { BuildServer } from "./build-server";

let browser: Browser;
let server: BuildServer;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launch();
});
beforeEach(async () => {
  server = await BuildServer.start();
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  await server.remove();
});
afterAll(() => browser.close());

/** The page, once it is kept. */
async function open(): Promise<ChatPage> {
  const chat = await ChatPage.openIn(context, server.url, undefined, true);
  await chat.page.waitForFunction(
    () => navigator.serviceWorker.controller !== null,
  );
  return chat;
}

/** Has the browser look for a new version, as it does by itself from time to time. Says what became of the one it found. */
function update({ page }: ChatPage): Promise<string> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    const found = registration.installing ?? registration.waiting;
    if (found === null) return "none";
    while (found.state === "installing")
      await new Promise((resolve) =>
        found.addEventListener("statechange", resolve, { once: true }),
      );
    return found.state;
  });
}

/** What the page gets for a file of its folder. */
function status({ page }: ChatPage, path: string): Promise<number> {
  return page.evaluate(async (path) => (await fetch(path)).status, path);
}

/** The page asks for one of its files 100 times a second, for two seconds. */
function keepAsking({ page }: ChatPage): Promise<void> {
  return page.evaluate(() => {
    const timer = setInterval(() => void fetch("icon.svg"), 10);
    setTimeout(() => clearInterval(timer), 2000);
  });
}

async function expectInstallable({ page }: ChatPage): Promise<void> {
  const session = await context.newCDPSession(page);
  const { errors, data } = await session.send("Page.getAppManifest");
  expect(errors).toEqual([]);
  expect(JSON.parse(data!)).toMatchObject({ name: "Rondo", start_url: "./" });
  const { installabilityErrors } = await session.send(
    "Page.getInstallabilityErrors",
  );
  // This is the test's own: its contexts are incognito.
  expect(installabilityErrors.map(({ errorId }) => errorId)).toEqual([
    "in-incognito",
  ]);
}

const keptVersions = ({ page }: ChatPage) =>
  page.evaluate(async () => (await caches.keys()).length);

const notice = ({ page }: ChatPage) => page.getByText("A new version is ready");

test("it can be installed, and without a network or its server it opens, shows the chat, and goes on with it", async () => {
  const chat = await open();
  await expectInstallable(chat);
  await chat.say("My cat is called Miso.");
  await server.stop();
  await context.setOffline(true);
  await chat.page.reload();
  await chat.replies.first().waitFor();
  expect(await chat.say("What is my cat called?")).toContain("Miso");
  expect((await chat.rounds()).map(({ message }) => message)).toEqual([
    "My cat is called Miso.",
    "What is my cat called?",
  ]);
  // What is loaded only when it is needed is there too.
  const files = await readdir(join(server.folder, "assets"));
  for (const file of files.filter((name) => name.endsWith(".js")))
    expect(await status(chat, `assets/${file}`)).toBe(200);
  expect(chat.complaints).toEqual([]);
  expect(chat.foreignRequests).toEqual([]);
});

test("a new version waits until it is asked for, and leaves other tabs what they are made of", async () => {
  const chat = await open();
  const other = await open();
  const [pdf] = (await readdir(join(server.folder, "assets"))).filter((name) =>
    /^pdf-.*\.js$/.test(name),
  );
  const chunk = `assets/${pdf}`;
  await server.lose(chunk);
  await server.edit("index.html", (html) =>
    html.replace("<title>Rondo", "<title>New Rondo"),
  );
  server.list();
  expect(await update(chat)).toBe("installed");
  await notice(chat).waitFor();
  await notice(other).waitFor();

  // Until then all is as it was, a reload included.
  await chat.page.reload();
  await notice(chat).waitFor();
  expect(await chat.page.title()).toBe("Rondo");
  expect(await status(chat, chunk)).toBe(200);

  await chat.box.fill("Half a sen");
  // Requests that come as the new version activates can keep the old one: Chromium then leaves the new one waiting.
  await keepAsking(other);
  await chat.page.getByRole("button", { name: "Reload" }).click();
  await chat.page.waitForFunction(() => document.title === "New Rondo");
  expect(await chat.box.inputValue()).toBe("Half a sen");
  expect(await other.page.title()).toBe("Rondo");
  expect(await status(other, chunk)).toBe(200);

  // Where the last tab of the old version is gone, the next page that is opened takes its files away.
  await other.page.close();
  const versionsAfterReload = async () => {
    await chat.page.reload();
    return keptVersions(chat);
  };
  await expect.poll(versionsAfterReload, { timeout: 20_000 }).toBe(1);
  expect(await status(chat, chunk)).toBe(404);
  expect(await notice(chat).count()).toBe(0);
});

test("a version that lacks a file, or has one that is not as it was built, is not taken", async () => {
  const chat = await open();
  for (const spoil of [
    () => server.edit("icon.svg", () => "Not found"),
    () => server.lose("icon.svg"),
  ]) {
    for (const path of ["index.html", "icon.svg"])
      await server.edit(path, (text) => `${text}<!-- of a new version -->`);
    server.list();
    await spoil();
    expect(await update(chat)).toBe("redundant");
  }
  expect(await notice(chat).count()).toBe(0);
  expect(chat.complaints).toContain(
    "A version of this page could not be downloaded completely.",
  );
  await server.stop();
  await chat.page.reload();
  expect(await chat.page.content()).not.toContain("of a new version");
  expect(await status(chat, "icon.svg")).toBe(200);
});
