import { expect, test } from "vitest";
import { hubName } from "../../../src/model/hub/hub-name";

test.each([
  ["HuggingFaceTB/SmolLM2-135M-Instruct", undefined],
  ["Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_0.gguf", "q4_0"],
  ["some-one/name/deep/folder/file.gguf", "deep/folder/file.gguf"],
])("%s is on the hub", (source, file) => {
  const found = hubName(` ${source} `)!;
  expect(found.repository).toBe(source.split("/").slice(0, 2).join("/"));
  if (file === undefined) expect(found.file).toBeUndefined();
  else expect(found.file).toContain(file);
});

test("any part of a GGUF file stands for its first", () => {
  expect(hubName("org/name/Q8_0/m-00002-of-00003.gguf")?.file).toBe(
    "Q8_0/m-00001-of-00003.gguf",
  );
});

test.each([
  "models/rondo-tiny/",
  "/models/rondo-tiny/",
  "./models/rondo-tiny",
  "../a/b",
  "https://example.com/model/",
  "http://localhost/file.gguf",
  "org",
  "org/name/file.bin",
  "org/name/../file.gguf",
  "",
])("%s is an address", (source) => {
  expect(hubName(source)).toBeUndefined();
});
