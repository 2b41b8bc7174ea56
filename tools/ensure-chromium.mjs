// Provides Chromium for everything that runs in a browser: tests, benchmarks, the demo.
import { chromiumPath } from "./chromium.mjs";
import { fail, run } from "./setup.mjs";

/**
 * Installs Chromium if it is missing; if that fails, ends the process and says what to install. Kernels, storage
 * and elements run in it, so nothing could be tested without it.
 */
export function ensureChromium() {
  if (chromiumPath() !== undefined) return;
  if (process.platform === "linux" && process.getuid?.() === 0) {
    console.log("Installing Chromium (apt-get install chromium)");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const install = ["install", "-y", "--no-install-recommends", "chromium"];
    if (run("apt-get", ["update"], { env }) === 0)
      run("apt-get", install, { env });
    if (chromiumPath() !== undefined) return;
  }
  fail(
    "This needs Chromium or Chrome, and neither was found.\n" +
      "  Debian: sudo apt-get install --no-install-recommends chromium\n" +
      "  macOS:  brew install --cask chromium\n" +
      "  else:   https://www.google.com/chrome\n" +
      "If it is installed elsewhere, put its path in the environment variable CHROMIUM.",
  );
}
