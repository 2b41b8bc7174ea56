// `npm run docs`: writes docs/element.md.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

setUp();

const { elementDocs } = await import("./element-docs.mjs");
const { publicElements } = await import("./library.mjs");
const { manifestOf } = await import("./manifest.mjs");

writeFileSync(
  join(root, "docs", "element.md"),
  elementDocs(manifestOf(publicElements())),
);
