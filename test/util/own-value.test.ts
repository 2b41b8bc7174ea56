import { expect, test } from "vitest";
import { ownValue } from "../../src/util/own-value";

test("a record's own values are found, and nothing that it inherits", () => {
  const record: Record<string, number> = { one: 1 };
  expect(ownValue(record, "one")).toBe(1);
  for (const name of ["two", "constructor", "__proto__", "toString"])
    expect(ownValue(record, name)).toBeUndefined();
});
