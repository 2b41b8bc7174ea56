/** Finds references to the repository in a Markdown document: paths in backticks, and links. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** A file name with such an ending is one of the repository's, also where no folder is named with it. */
const SOURCE = /\.(ts|mjs|wgsl|py|md|html|css|yml)$/;

/** Built, fetched or generated files: those in .gitignore. */
const ignored = readFileSync(".gitignore", "utf8")
  .split("\n")
  .filter((line) => line.endsWith("/"))
  .map((line) => line.slice(0, -1));

/** All files and folders of the repository, with slashes, as they lie from its root. */
export function repositoryPaths(folder = ""): string[] {
  return readdirSync(folder || ".", { withFileTypes: true })
    .filter(({ name }) => name !== ".git" && !ignored.includes(name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? [path, ...repositoryPaths(path)] : [path];
    });
}

/**
 * The paths in backticks that don't exist. A path is relative to the root or to src/, `{a,b}` is one of these,
 * `*` and `<name>` are any name; a bare file name may be anywhere. Built files are not checked, and text that
 * begins with no folder of the repository and ends like no source is not a path.
 */
export function missingPaths(
  markdown: string,
  paths: readonly string[],
): string[] {
  const folders = new Set(
    paths.map((path) => path.replace(/^src\//, "").split("/")[0]!),
  );
  const named = [...withoutFences(markdown).matchAll(/`([^`\n]+)`/g)]
    .map(([, text]) => text!.replace(/^\.?\//, "").replace(/\/$/, ""))
    .filter((text) => isPath(text, folders));
  return [...new Set(named)].filter(
    (text) => !paths.some((path) => patternOf(text).test(path)),
  );
}

function isPath(text: string, folders: ReadonlySet<string>): boolean {
  const [first = "", ...rest] = text.split("/");
  if (/\s|:\/\//.test(text) || ignored.includes(first)) return false;
  // `.test.ts` is an ending, not a name.
  if (rest.length === 0) return SOURCE.test(text) && !text.startsWith(".");
  return SOURCE.test(text) || folders.has(first);
}

function patternOf(text: string): RegExp {
  const pattern = text
    .replaceAll(/[.+?^$()|[\]\\]/g, "\\$&")
    .replaceAll(/\*\*\/|\*|<\w+>/g, (any) =>
      any === "**/" ? "(.*/)?" : "[^/]*",
    )
    .replaceAll(/\{([^}]+)\}/g, (_, names: string) => {
      return `(${names.split(",").join("|")})`;
    });
  const isAlone = !text.includes("/");
  return new RegExp(`^(src/${isAlone ? "|.*/" : ""})?${pattern}$`);
}

/** The links to files and headings that don't exist. */
export function brokenLinks(
  markdown: string,
  file: string,
  read: (path: string) => string | undefined,
): string[] {
  const links = [
    ...withoutFences(markdown).matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g),
  ].map(([, link, image]) => (link ?? image)!);
  return links.filter((link) => {
    if (/^\w+:/.test(link)) return false;
    const [path = "", heading] = link.split("#");
    const target =
      path === "" ? markdown : read(posix.join(posix.dirname(file), path));
    if (target === undefined) return true;
    return heading !== undefined && !headingsOf(target).includes(heading);
  });
}

/** As GitHub generates them. */
function headingsOf(markdown: string): string[] {
  const headings = withoutFences(markdown).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text]) =>
    text!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^```[^]*?^```/gm, "");
}
