// Draws the icons of the installed page from public/icon.svg, in Chromium: `node tools/icons.mjs`. The results
// are in the repository; run it after changing the icon.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { chromiumArgs, chromiumPath } from "./chromium.mjs";
import { root } from "./setup.mjs";

const folder = join(root, "public");
const svg = readFileSync(join(folder, "icon.svg"), "utf8");
// Systems crop these to their own shapes, which keep at least the inner four fifths: the mark lies within.
const square = svg.replace(' rx="8"', "");

/** @type {{ name: string, px: number, drawing: string }[]} */
const icons = [
  { name: "icon-192.png", px: 192, drawing: svg },
  { name: "icon-512.png", px: 512, drawing: svg },
  { name: "icon-maskable-512.png", px: 512, drawing: square },
  { name: "apple-touch-icon.png", px: 180, drawing: square },
];

const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: chromiumArgs,
});
try {
  for (const { name, px, drawing } of icons) {
    const page = await browser.newPage({ viewport: { width: px, height: px } });
    await page.setContent(
      `<style>body { margin: 0 } svg { display: block; width: ${px}px }</style>${drawing}`,
    );
    const image = await page.screenshot({ omitBackground: true });
    writeFileSync(join(folder, name), image);
    await page.close();
  }
} finally {
  await browser.close();
}
