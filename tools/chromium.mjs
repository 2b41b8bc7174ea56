// Where Chromium is, and the flags that give it a WebGPU adapter without a GPU.
import { existsSync } from "node:fs";

const CANDIDATES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** The path of an installed Chromium, or undefined. CHROMIUM in the environment goes first. */
export function chromiumPath() {
  return CANDIDATES.find((path) => path && existsSync(path));
}

/**
 * The path of a Chromium that computes quickly without a GPU (lavapipe.mjs), or else of the one that is installed.
 */
export function quickChromiumPath() {
  return process.env.QUICK_CHROMIUM ?? chromiumPath();
}

/**
 * `--enable-unsafe-webgpu` enables the software adapter (SwiftShader); root has no sandbox; the rest keeps the
 * browser off the network.
 */
export const chromiumArgs = [
  "--enable-unsafe-webgpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];
