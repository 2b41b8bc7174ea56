import { expect, test } from "vitest";
import { joinWgsl, placeInWgsl } from "../../src/gpu/wgsl";

const files = [
  { name: "shared/step.wgsl", text: "struct Row {\n  token : u32,\n}\n" },
  { name: "shared/empty.wgsl", text: "" },
  { name: "embed.wgsl", text: "@compute\nfn main() {}" },
];

test("files follow one another, each from a line of its own on", () => {
  expect(joinWgsl(files)).toBe(
    "struct Row {\n  token : u32,\n}\n\n\n@compute\nfn main() {}",
  );
});

test("every line of the joined source is found in its file", () => {
  const lines = joinWgsl(files).split("\n");
  const places = lines.map((_, i) => placeInWgsl(files, i + 1));
  expect(places).toEqual([
    "shared/step.wgsl:1",
    "shared/step.wgsl:2",
    "shared/step.wgsl:3",
    "shared/step.wgsl:4",
    "shared/empty.wgsl:1",
    "embed.wgsl:1",
    "embed.wgsl:2",
  ]);
  for (const [i, place] of places.entries()) {
    const [name, line] = place.split(":");
    const { text } = files.find((file) => file.name === name)!;
    expect(text.split("\n")[Number(line) - 1]).toBe(lines[i]);
  }
});

test("what has no line is put down to the last file", () => {
  expect(placeInWgsl(files, 0)).toBe("embed.wgsl");
  expect(placeInWgsl(files, 8)).toBe("embed.wgsl");
});
