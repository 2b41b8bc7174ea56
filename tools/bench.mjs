// `npm run bench`: how fast the runtime is; test/bench/bench.ts says what the numbers mean.
//
//   npm run bench -- [--node] [--quick] [--model DIR_OR_URL]
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromiumArgs, chromiumPath } from "./chromium.mjs";
import { fail, root, setUp } from "./setup.mjs";

/** @typedef {import("../test/bench/result").BenchResult} BenchResult */
/** @typedef {{ result: BenchResult, table: string }} Outcome */

const USAGE = "npm run bench -- [--node] [--quick] [--model DIR_OR_URL]";
const OUTPUT = "out/bench.json";
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

setUp();

const options = await readOptions();
const model = options.model ?? join(root, "public/models/rondo-tiny");
const isUrl = /^https?:/.test(model);
if (!isUrl && !existsSync(join(model, "config.json")))
  fail(
    `${resolve(model)} has no config.json. --model wants a model's folder, or its address.`,
  );

try {
  const { result, table } = options.node ? await inNode() : await inChromium();
  console.log(`\n${table}`);
  mkdirSync(join(root, "out"), { recursive: true });
  writeFileSync(join(root, OUTPUT), `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\nThe same as JSON: ${OUTPUT}`);
  process.exit(0); // Dawn's threads would keep Node waiting.
} catch (error) {
  fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

async function readOptions() {
  const { parseArgs } = await import("node:util");
  try {
    return parseArgs({
      options: {
        node: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        model: { type: "string" },
      },
    }).values;
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

/** @returns {Promise<Outcome>} */
async function inChromium() {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    fail(
      "The benchmark needs Chromium or Chrome. Put its path in the environment variable CHROMIUM, or use --node.",
    );
  const { createServer, normalizePath } = await import("vite");
  const { chromium } = await import("playwright");
  const folder = normalizePath(resolve(model));
  const server = await createServer({
    root,
    logLevel: "warn",
    cacheDir: join(root, "node_modules/.vite/bench"),
    // Found before the page is opened: a page that is reloaded in mid-run starts again.
    optimizeDeps: { entries: ["test/bench/bench.html"] },
    server: {
      port: 0,
      hmr: false,
      watch: null,
      fs: { allow: isUrl ? [root] : [root, folder] },
    },
  });
  await server.listen();
  const [origin] = server.resolvedUrls?.local ?? [];
  if (origin === undefined) throw new Error("The server has no local address.");
  const browser = await chromium.launch({ executablePath, args: chromiumArgs });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => {
      if (message.type() === "info") console.log(message.text());
      if (message.type() === "error") console.error(message.text());
    });
    const address = new URL("test/bench/bench.html", origin);
    if (options.quick) address.searchParams.set("quick", "");
    address.searchParams.set(
      "model",
      isUrl ? model : encodeURI(`/@fs/${folder.replace(/^\//, "")}/`),
    );
    await page.goto(address.href);
    return await page.evaluate(() => {
      const { benchmark } = globalThis;
      if (!benchmark) throw new Error("test/bench/page.ts did not start");
      return benchmark;
    });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** @returns {Promise<Outcome>} */
async function inNode() {
  chooseDriver();
  const { createServer } = await import("vite");
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  // Kept for good: a device outlives this function, and must not outlive what made it.
  const gpu = create([]);
  Object.assign(globalThis, { rondoGpu: gpu });
  const server = await createServer({
    root,
    logLevel: "warn",
    appType: "custom",
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  });
  try {
    const { benchInNode } = /** @type {typeof import("../test/bench/node")} */ (
      await server.ssrLoadModule("/test/bench/node.ts")
    );
    return await benchInNode(
      gpu,
      isUrl ? model : resolve(model),
      options.quick,
    );
  } catch (error) {
    if (error instanceof Error && error.name === "WebGpuUnavailableError")
      fail(
        "Dawn found no GPU adapter. On Linux it needs libvulkan.so.1 (Debian: apt-get install libvulkan1) and a driver; VK_ICD_FILENAMES chooses one.",
      );
    throw error;
  } finally {
    await server.close();
  }
}

/** Where nothing says which Vulkan driver to use, and none is installed, Chromium's software adapter will do. */
function chooseDriver() {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES, XDG_DATA_DIRS, HOME } =
    process.env;
  if (process.platform !== "linux" || VK_ICD_FILENAMES || VK_DRIVER_FILES)
    return;
  const folders = [
    ...(XDG_DATA_DIRS ?? "/usr/local/share:/usr/share").split(":"),
    "/etc",
    join(HOME ?? "/", ".local/share"),
  ].map((folder) => join(folder, "vulkan/icd.d"));
  const isInstalled = folders.some(
    (folder) => existsSync(folder) && readdirSync(folder).length > 0,
  );
  if (!isInstalled && existsSync(SWIFTSHADER))
    process.env.VK_ICD_FILENAMES = SWIFTSHADER;
}
