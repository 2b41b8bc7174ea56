// A quick software GPU: a copy of Debian's Chromium whose SwiftShader is Mesa's lavapipe, in out/lavapipe. It computes
// several times as fast and compiles more slowly. Tests of single kernels and networks, which mostly compile, run on
// SwiftShader; whole chats run on lavapipe. The installed Chromium stays as it is.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { chromiumArgs } from "./chromium.mjs";
import { root, run } from "./setup.mjs";

/** Where Debian's package has Chromium itself; /usr/bin/chromium is a script that starts it. */
const INSTALLED = "/usr/lib/chromium";
const folder = join(root, "out/lavapipe");
const driver = join(folder, "mesa/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so");
const chromium = join(folder, "chromium/chromium");

/**
 * Has `quickChromiumPath` give a Chromium on lavapipe, here and in what is started from here, where that is possible:
 * on Debian 12 (x64), as root the first time; not where CHROMIUM in the environment names a browser. Says which it is.
 */
export async function useLavapipe() {
  if (process.env.CHROMIUM) return;
  const because = isDebian12() ? make() : "this is not Debian 12 on x64";
  if (because === undefined) {
    process.env.LVP_SO = driver;
    if (await hasHalfFloats(chromium)) {
      process.env.QUICK_CHROMIUM = chromium;
      console.log("Chats run on lavapipe (out/lavapipe)");
      return;
    }
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(
    `Chats run on Chromium's own adapter: ${because ?? "lavapipe gave none"}`,
  );
}

function isDebian12() {
  const release = "/etc/debian_version";
  return (
    process.platform === "linux" &&
    process.arch === "x64" &&
    existsSync(join(INSTALLED, "chromium")) &&
    existsSync(release) &&
    readFileSync(release, "utf8").startsWith("12")
  );
}

/** Makes the copy unless it is there; returns why that is impossible, or undefined. */
function make() {
  if (isCurrent()) return undefined;
  if (process.getuid?.() !== 0) return "lavapipe is installed by root, once";
  console.log("Installing lavapipe (apt-get, into out/lavapipe)");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // The driver of Debian 12 itself is too old for WebGPU; what it needs is the same.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const needs = ["mesa-vulkan-drivers", "gcc", "libc6-dev"];
  const install = ["install", "-qq", "-y", "--no-install-recommends"];
  if (run("apt-get", [...install, ...needs], { env }) !== 0)
    if (
      run("apt-get", ["-qq", "update"], { env }) !== 0 ||
      run("apt-get", [...install, ...needs], { env }) !== 0
    )
      return "apt-get could not install what lavapipe needs";
  if (!downloadDriver()) return "Debian's backports could not be had";
  return copyChromium() ? undefined : "gcc could not compile the shim";
}

/** Whether the copy is of the Chromium that is installed today. */
function isCurrent() {
  if (!existsSync(driver) || !existsSync(chromium)) return false;
  const [copy, original] = [chromium, join(INSTALLED, "chromium")].map((path) =>
    statSync(path),
  );
  return copy?.size === original?.size;
}

/** Unpacks the driver of Debian's backports beside the system, from the mirror that apt uses already. */
function downloadDriver() {
  const mirror = aptMirror();
  if (mirror === undefined) return false;
  const apt = join(folder, "apt");
  mkdirSync(join(apt, "lists/partial"), { recursive: true });
  mkdirSync(join(apt, "parts"));
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(
    join(apt, "sources.list"),
    `deb [signed-by=${key}] ${mirror} bookworm-backports main\n`,
  );
  const options = [
    `Dir::Etc::sourcelist=${join(apt, "sources.list")}`,
    `Dir::Etc::sourceparts=${join(apt, "parts")}`,
    `Dir::State::Lists=${join(apt, "lists")}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const name = "mesa-vulkan-drivers/bookworm-backports";
  if (
    run("apt-get", [...options, "-qq", "update"]) !== 0 ||
    run("apt-get", [...options, "-qq", "download", name], { cwd: folder }) !== 0
  )
    return false;
  const archive = readdirSync(folder).find((file) => file.endsWith(".deb"));
  if (archive === undefined) return false;
  const unpack = ["-x", join(folder, archive), join(folder, "mesa")];
  return run("dpkg", unpack) === 0 && existsSync(driver);
}

/** The address that apt has Debian 12 from. */
function aptMirror() {
  const files = [
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/debian.sources",
  ];
  const text = files
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  return text
    .split("\n")
    .filter((line) => /^(deb|URIs:)\s/.test(line))
    .map((line) => /https?:\/\/\S+/.exec(line)?.[0])
    .find((address) => address !== undefined && !address.includes("security"));
}

function copyChromium() {
  const copy = join(folder, "chromium");
  cpSync(INSTALLED, copy, { recursive: true });
  const library = join(copy, "libvk_swiftshader.so");
  rmSync(library);
  // WebGL keeps the real one.
  const api = {
    api_version: "1.0.5",
    library_path: join(INSTALLED, "libvk_swiftshader.so"),
  };
  writeFileSync(
    join(copy, "vk_swiftshader_icd.json"),
    JSON.stringify({ file_format_version: "1.0.0", ICD: api }),
  );
  const shim = join(root, "tools/lavapipe/shim.c");
  return (
    run("gcc", ["-shared", "-fPIC", "-O1", "-o", library, shim, "-ldl"]) === 0
  );
}

/**
 * Whether WebGPU has an adapter with half floats, as lavapipe has and SwiftShader has not.
 *
 * @param {string} executablePath
 */
async function hasHalfFloats(executablePath) {
  const { chromium: playwright } = await import("playwright");
  const server = createServer((_, response) => response.end("<title>")).listen(
    0,
    "localhost",
  );
  await new Promise((listening) => server.once("listening", listening));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  let browser;
  try {
    browser = await playwright.launch({
      executablePath,
      args: chromiumArgs,
    });
    const page = await browser.newPage();
    await page.goto(`http://localhost:${port}`);
    return await page.evaluate(async () => {
      const adapter = await navigator.gpu.requestAdapter();
      return adapter?.features.has("shader-f16") ?? false;
    });
  } catch (error) {
    console.error(error);
    return false;
  } finally {
    await browser?.close();
    server.close();
  }
}
