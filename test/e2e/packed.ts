/** The package as npm packs it, unpacked in a folder of its own as if it were installed there. */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const isWindows = process.platform === "win32";

export class PackedLibrary {
  /** Where it is installed: the folder with node_modules. */
  readonly #folder: string;
  readonly #package: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#package = join(folder, "node_modules", "rondo");
  }

  /** Packs what is built: nothing is built anew. */
  static async pack(): Promise<PackedLibrary> {
    const packed = new PackedLibrary(
      await mkdtemp(join(tmpdir(), "rondo-package-")),
    );
    const target = ["--pack-destination", packed.#folder];
    run("npm", ["pack", "--ignore-scripts", "--silent", ...target], {
      cwd: root,
      shell: isWindows,
    });
    const [archive] = await readdir(packed.#folder);
    await mkdir(packed.#package, { recursive: true });
    const into = ["-C", "node_modules/rondo", "--strip-components=1"];
    run("tar", ["-xzf", archive!, ...into], { cwd: packed.#folder });
    return packed;
  }

  /** Paths of its files, with slashes, as package.json gives them: "./dist/lib/rondo.js". */
  async files(): Promise<string[]> {
    const paths = await readdir(this.#package, { recursive: true });
    return paths
      .filter((path) => statSync(join(this.#package, path)).isFile())
      .map((path) => `./${path.replaceAll(sep, "/")}`)
      .sort();
  }

  read(path: string): Promise<string> {
    return readFile(join(this.#package, path), "utf8");
  }

  /** Runs a module beside it in Node, and gives what that prints. */
  runNode(code: string): string {
    const args = ["--input-type=module", "--eval", code];
    return run(process.execPath, args, { cwd: this.#folder });
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true });
  }
}

function run(
  program: string,
  args: string[],
  options: { cwd: string; shell?: boolean },
): string {
  const { error, status, stderr, stdout } = spawnSync(program, args, {
    ...options,
    encoding: "utf8",
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout;
}
