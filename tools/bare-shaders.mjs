// A plugin for both builds: strips comments and indentation from WGSL, which are two fifths of it. Lines stay
// where they are, so that an error in a shader still names the right one.
import { readFileSync } from "node:fs";

/** @type {import("vite").Plugin} */
export const bareShaders = {
  name: "bare-shaders",
  apply: "build",
  enforce: "pre",
  load: {
    filter: { id: /\.wgsl\?raw$/ },
    handler(id) {
      const wgsl = readFileSync(id.replace("?raw", ""), "utf8");
      return `export default ${JSON.stringify(bareWgsl(wgsl))};`;
    },
  },
};

/** @param {string} wgsl */
export function bareWgsl(wgsl) {
  return wgsl.replace(/[ \t]*\/\/.*$/gm, "").replace(/^[ \t]+/gm, "");
}
