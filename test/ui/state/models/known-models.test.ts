import { describe, expect, test } from "vitest";
import { hubName } from "../../../../src/model/hub/hub-name";
import {
  EMBEDDED_ID,
  HISTORY_TOKENS,
  KNOWN_MODELS,
  memoryBytes,
  nameOfId,
} from "../../../../src/ui/state/models/known-models";

const [embedded, ...hub] = KNOWN_MODELS;

describe("Known models", () => {
  test("begin with the one that comes along", () => {
    expect(embedded).toMatchObject({ id: EMBEDDED_ID, downloadBytes: 0 });
    expect(hubName(EMBEDDED_ID)).toBeUndefined();
  });

  test("have ids and names of their own", () => {
    const ids = KNOWN_MODELS.map(({ id }) => id);
    const names = KNOWN_MODELS.map(({ name }) => name);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(names).size).toBe(names.length);
  });

  test("go from the smallest download to the largest", () => {
    const sizes = KNOWN_MODELS.map(({ downloadBytes }) => downloadBytes);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  });

  test.for(hub.map((model) => [model.name, model] as const))(
    "%s has an id of the hub, and numbers that make sense",
    ([, model]) => {
      const { downloadBytes, id, kvBytesPerToken, parameterCount } = model;
      expect(hubName(id)?.file).toMatch(/Q(4_0|8_0|4_K_M)\.gguf$/i);
      const bits = (downloadBytes * 8) / parameterCount;
      // 4.5 or 8.5 bits, more where the table of tokens is kept twice.
      const [least, most] = /q8_0/i.test(id) ? [8.4, 8.8] : [4.5, 7];
      expect(bits).toBeGreaterThan(least);
      expect(bits).toBeLessThan(most);
      const extra = memoryBytes(model) - downloadBytes;
      expect(extra - 100e6).toBe(HISTORY_TOKENS * kvBytesPerToken);
      expect(model.contextTokens).toBeGreaterThanOrEqual(HISTORY_TOKENS);
      expect(["its weights", "its architecture"]).toContain(model.checked);
      expect(model.licence).not.toBe("");
      expect(model.goodFor).toMatch(/^[A-Z].*\.$/);
    },
  );

  test("have the KV that their shapes give", () => {
    const kv = Object.fromEntries(
      KNOWN_MODELS.map(({ name, kvBytesPerToken }) => [name, kvBytesPerToken]),
    );
    expect(kv["SmolLM2 360M"]).toBe(40_960);
    expect(kv["Qwen2.5 0.5B"]).toBe(12_288);
    expect(kv["Qwen3 0.6B"]).toBe(114_688);
    expect(kv["Llama 3.2 1B"]).toBe(32_768);
  });
});

test.each([
  ["org/name/folder/file.gguf", "file.gguf"],
  ["org/name", "name"],
  ["https://example.com/models/mine/", "mine"],
  ["Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf", "Qwen3 0.6B"],
])("%s is called %s", (id, name) => {
  expect(nameOfId(id)).toBe(name);
});
