// Mesa's RADV and what it needs, in a folder of its own beside the system: nothing is installed.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { root } from "../setup.mjs";

/** From backports: the compiler of Debian 12 itself is two years older. */
const MESA = ["mesa-vulkan-drivers", "libdrm2", "libdrm-amdgpu1"];
const OTHERS = [
  "libvulkan1",
  "libllvm15",
  "libelf1",
  "libxcb-dri3-0",
  "libxcb-present0",
  "libxcb-randr0",
  "libxcb-shm0",
  "libxcb-sync1",
  "libxcb-xfixes0",
  "libxshmfence1",
  "libx11-xcb1",
  "libwayland-client0",
  "libz3-4",
  "libedit2",
  "libbsd0",
];
const KEY = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Why the tool cannot run here, or undefined if it can. */
function obstacle() {
  if (process.platform !== "linux" || process.arch !== "x64")
    return "it needs Linux on x86-64";
  const system = existsSync("/etc/os-release")
    ? readFileSync("/etc/os-release", "utf8")
    : "";
  if (!system.includes("VERSION_CODENAME=bookworm"))
    return "it takes Mesa out of the packages of Debian 12 (bookworm), and this is another system";
  for (const program of ["apt-get", "dpkg", "cc"])
    if (spawnSync("which", [program]).status !== 0)
      return `${program} is missing`;
  return undefined;
}

/**
 * The environment in which Vulkan is RADV for a chip that is not there.
 *
 * @param {string} family as RADV_FORCE_FAMILY names it: navi31, vangogh, raphael_mendocino
 * @returns {Record<string, string>}
 * @throws Error that says why it cannot be
 */
export function nullDevice(family) {
  const reason = obstacle();
  if (reason !== undefined)
    throw new Error(`No machine code can be shown here: ${reason}.`);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "rondo-isa");
  const libraries = join(folder, "usr/lib/x86_64-linux-gnu");
  const shim = join(folder, "libnullradv.so");
  const driver = join(folder, "null-radv.json");
  if (!existsSync(driver)) {
    extractPackages(folder);
    run("cc", [
      ...["-shared", "-fPIC", "-O1"],
      `-DREAL="${join(libraries, "libvulkan_radeon.so")}"`,
      ...["-o", shim, join(root, "tools/isa/null-radv.c"), "-ldl"],
    ]);
    const ICD = { api_version: "1.4.305", library_path: shim };
    writeFileSync(
      driver,
      JSON.stringify({ ICD, file_format_version: "1.0.0" }),
    );
  }
  return {
    LD_LIBRARY_PATH: libraries,
    VK_ICD_FILENAMES: driver,
    RADV_FORCE_FAMILY: family,
    RADV_DEBUG: "asm,shaderstats,nocache",
  };
}

/** @param {string} folder */
function extractPackages(folder) {
  console.error(`Fetching Mesa's RADV into ${folder} (60 MB)`);
  const packages = join(folder, "packages");
  for (const path of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, "apt", path), { recursive: true });
  mkdirSync(packages, { recursive: true });
  const mirror = mirrorOf(
    spawnSync("apt-cache", ["policy"], { encoding: "utf8" }).stdout,
  );
  const sources = join(folder, "apt/sources.list");
  writeFileSync(
    sources,
    ["bookworm", "bookworm-backports"]
      .map((suite) => `deb [signed-by=${KEY}] ${mirror} ${suite} main\n`)
      .join(""),
  );
  const options = [
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${join(folder, "apt/lists")}`,
    `Dir::Cache=${join(folder, "apt/cache")}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  run("apt-get", [...options, "update", "-qq"]);
  const download = ["download", "-qq"];
  run(
    "apt-get",
    [...options, "-t", "bookworm-backports", ...download, ...MESA],
    packages,
  );
  run("apt-get", [...options, ...download, ...OTHERS], packages);
  for (const name of readdirSync(packages))
    run("dpkg", ["-x", join(packages, name), folder]);
}

/**
 * The Debian mirror that this system uses, or the public one.
 *
 * @param {string} policy what `apt-cache policy` prints
 */
function mirrorOf(policy) {
  return (
    /https?:\/\/\S+\/debian(?= )/.exec(policy)?.[0] ??
    "http://deb.debian.org/debian"
  );
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} [cwd]
 */
function run(program, args, cwd) {
  const { status, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(
      `No machine code can be shown here: ${program} failed.\n${stderr}`,
    );
}
