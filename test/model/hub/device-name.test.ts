// What files of the user are called, and the ids under which they are stored.
import { describe, expect, test } from "vitest";
import { deviceId, deviceName } from "../../../src/model/hub/device-name";
import { hubName } from "../../../src/model/hub/hub-name";

const file = (name: string, size = 1, webkitRelativePath = "") => ({
  name,
  size,
  webkitRelativePath,
});

describe("files are called", () => {
  test.each([
    ["by their GGUF file", [file("a b.gguf")], "a b.gguf"],
    [
      "by the first part of one in several, whatever comes first",
      [file("m-00002-of-00002.gguf"), file("m-00001-of-00002.gguf")],
      "m-00001-of-00002.gguf",
    ],
    [
      "by their folder",
      [
        file("config.json", 1, "mine/config.json"),
        file("model.safetensors", 9, "mine/model.safetensors"),
      ],
      "mine",
    ],
    [
      "by their weights and size, where they have no folder",
      [file("config.json", 1e6), file("model.safetensors", 490e6)],
      "model.safetensors, 491 MB",
    ],
  ])("%s", (_, files, name) => {
    expect(deviceName(deviceId(files))).toBe(name);
  });
});

test("An id is no name on the hub, and no name or address is an id", () => {
  expect(hubName(deviceId([file("org.gguf")]))).toBeUndefined();
  for (const other of ["org/name", "https://a.example/b.gguf", "/m/", "device"])
    expect(deviceName(other)).toBeUndefined();
});
