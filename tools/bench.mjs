// The benchmarks: how fast the runtime is, what Round Attention costs and saves, what a reload costs;
// and calibration, which measures too. test/bench says what the numbers mean.
//
//   npm run bench -- [--node] [--quick] [--model DIR_OR_URL]
//   npm run bench:rounds -- [--full] [--rounds 24,60] [--count N] [--tau 0.9,0.5] [--asks N]
//   npm run bench:rounds -- --model FILE.gguf [--rounds 24,60,200] [--count N] [--asks N] [--rules heads,oracle]
//   npm run bench:fusion -- [--quick] [--full] [--count N] [--ratios 0,0.15,1] [--time]
//   npm run bench:resume -- [--turns 5,20] [--full]
//   npm run bench:scale -- [--rounds 20,200,1000] [--text]
//   npm run bench:models -- [--quick] [--full]
//   npm run calibrate -- [--node] MODEL [--count N] [--write]
//   npm run calibrate:watershed -- [--model DIR] [--count N] [--tau 0.9] [--write]
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { chromiumArgs, chromiumPath } from "./chromium.mjs";
import { fail, root, setUp } from "./setup.mjs";

/** @typedef {import("../test/bench/benches").BenchOutcome} Outcome */

const USAGE =
  "npm run bench -- [--node] [--quick] [--model DIR_OR_URL]; tools/bench.mjs lists the others.";
const NAMES = [
  "speed",
  "rounds",
  "fusion",
  "resume",
  "scale",
  "models",
  "heads",
  "calibrate",
];
/** Those that write a rondo.json. */
const CALIBRATIONS = ["heads", "calibrate"];
/** Benchmarks that need what Node has: files, and the size of the heap. */
const IN_NODE = ["models"];
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
/** Options of the benchmarks themselves. */
const PARAMS = ["tau", "rounds", "count", "asks", "turns", "ratios", "rules"];
/** Seeds that training never saw: so many chats of so many rounds. */
const FULL_SETS = [
  [60_000_000, 100, 24],
  [60_000_000, 100, 60],
  [60_000_000, 20, 200],
];

/** The first seed, and how many cases of each kind. */
const FULL_CASES = [60_000_000, 200];

setUp();

const { name, options } = await readOptions();
const model = options.model ?? join(root, "public/models/rondo-tiny");
const isUrl = /^https?:/.test(model);
const isFile = model.endsWith(".gguf");
if (!isUrl && !existsSync(isFile ? model : join(model, "config.json")))
  fail(
    isFile
      ? `There is no file ${resolve(model)}.`
      : `${resolve(model)} has no config.json. --model wants a model's folder, a GGUF file, or its address.`,
  );
const params = Object.fromEntries(
  [...PARAMS, "quick", "full", "time", "text"].flatMap((key) => {
    const value = options[key];
    return value === undefined || value === false ? [] : [[key, String(value)]];
  }),
);
/** Rounds of a model of one's own: what its memory finds, in Node. */
const isTold = name === "rounds" && options.model !== undefined;
if (isTold) params.told = "";
const quick = name === "fusion" ? "fusion-quick" : "quick";
const chats =
  options.full && name !== "models"
    ? fullChats()
    : `test/fixtures/chats/${quick}.json`;

try {
  const { result, table, files } =
    options.node || isTold || IN_NODE.includes(name)
      ? await inNode()
      : await inChromium();
  console.log(`\n${table}`);
  const output = `out/${name === "speed" ? "bench" : name}.json`;
  mkdirSync(join(root, "out"), { recursive: true });
  write(output, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\nThe same as JSON: ${output}`);
  for (const [file, text] of Object.entries(files ?? {})) {
    write(`out/${file}`, text);
    console.log(`out/${file}`);
  }
  if (CALIBRATIONS.includes(name) && options.write === true) {
    if (isUrl || isFile)
      fail("--write wants a model's folder on this machine.");
    const path = join(model, "rondo.json");
    // Other fields of the file, such as context_tokens, stay.
    const before = existsSync(path)
      ? JSON.parse(readFileSync(path, "utf8"))
      : {};
    const merged = { ...before, .../** @type {object} */ (result) };
    writeFileSync(path, `${JSON.stringify(merged, null, 2)}\n`);
    console.log(path);
  }
  process.exit(0); // Dawn's threads would keep Node waiting.
} catch (error) {
  fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** @param {string} file @param {string} text */
function write(file, text) {
  writeFileSync(join(root, file), text);
}

async function readOptions() {
  const { parseArgs } = await import("node:util");
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        node: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        full: { type: "boolean", default: false },
        time: { type: "boolean", default: false },
        text: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
        model: { type: "string" },
        tau: { type: "string" },
        rounds: { type: "string" },
        count: { type: "string" },
        asks: { type: "string" },
        turns: { type: "string" },
        ratios: { type: "string" },
        rules: { type: "string" },
      },
    });
    const [name = "speed", folder] = positionals;
    if (!NAMES.includes(name)) throw new RangeError(`no benchmark ${name}`);
    /** @type {Record<string, string | boolean | undefined> & { model?: string }} */
    const options = { ...values, model: values.model ?? folder };
    return { name, options };
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

/** All chats that the full figures are made of; Python makes them, from the demo model's corpus. */
function fullChats() {
  const path = "out/chats-full.json";
  const folder = join(root, "tools/demo-model");
  const program =
    name === "fusion"
      ? ["fusion_cases.py", ...FULL_CASES.map(String)]
      : ["chats.py", ...FULL_SETS.flat().map(String)];
  const json = execFileSync("python3", program, {
    cwd: folder,
    maxBuffer: 2 ** 28,
  });
  mkdirSync(join(root, "out"), { recursive: true });
  writeFileSync(join(root, path), json);
  return path;
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
    await tellCosts(page);
    page.on("console", (message) => {
      if (message.type() === "info") console.log(message.text());
      if (message.type() === "error") console.error(message.text());
    });
    const address = new URL("test/bench/bench.html", origin);
    for (const [key, value] of Object.entries({ ...params, bench: name }))
      address.searchParams.set(key, value);
    address.searchParams.set("chats", `/${chats}`);
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

/**
 * Lets the page ask what its own thread has done.
 *
 * @param {import("playwright").Page} page
 */
async function tellCosts(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await page.exposeFunction("pageCosts", async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const all = Object.fromEntries(
      metrics.map(({ name, value }) => [name, value]),
    );
    const { ScriptDuration = 0, LayoutDuration = 0 } = all;
    const { RecalcStyleDuration = 0, JSHeapUsedSize = 0 } = all;
    return {
      script: 1000 * ScriptDuration,
      layout: 1000 * (LayoutDuration + RecalcStyleDuration),
      heapBytes: JSHeapUsedSize,
    };
  });
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
    return await benchInNode(gpu, {
      name,
      model: isUrl ? model : resolve(model),
      params,
      chats: JSON.parse(readFileSync(join(root, chats), "utf8")),
    });
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
