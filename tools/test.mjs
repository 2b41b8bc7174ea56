// `npm test`: every test, on the real platform. Arguments go to Vitest:
//
//   npm test -- --project unit select
import { chromiumPath } from "./chromium.mjs";
import { fail, run, runPackage, setUp } from "./setup.mjs";

setUp();
installChromium();
process.exitCode = runPackage("vitest", ["run", ...process.argv.slice(2)]);

/** Kernels, storage and elements are tested in Chromium. Without it nothing would be proved, so nothing passes. */
function installChromium() {
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
    "The tests need Chromium or Chrome, and neither was found.\n" +
      "  Debian: sudo apt-get install --no-install-recommends chromium\n" +
      "  macOS:  brew install --cask chromium\n" +
      "  else:   https://www.google.com/chrome\n" +
      "If it is installed elsewhere, put its path in the environment variable CHROMIUM.",
  );
}
