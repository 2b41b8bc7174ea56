import { expect, test } from "vitest";
import { Meta } from "../../src/store/meta";
import { openOwn } from "./fixtures";

test("what is put is there under its name, and what is not is not", async () => {
  const meta = new Meta(await openOwn());
  await meta.put("a", { tau: 0.9, heads: [1, 2] });
  await meta.put("b", 7);
  expect(await meta.get("a")).toEqual({ tau: 0.9, heads: [1, 2] });
  expect(await meta.get("b")).toBe(7);
  expect(await meta.get("c")).toBeUndefined();
});

test("a value replaces the one before it", async () => {
  const meta = new Meta(await openOwn());
  await meta.put("a", 1);
  await meta.put("a", 2);
  expect(await meta.get("a")).toBe(2);
});
