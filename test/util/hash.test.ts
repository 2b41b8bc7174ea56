import { expect, test } from "vitest";
import { sha256 } from "../../src/util/hash";

// FIPS 180-2, B.1, and the hash of nothing.
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const NOTHING =
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("hashes text and bytes as the standard does", async () => {
  expect(await sha256("abc")).toBe(ABC);
  expect(await sha256(Uint8Array.of(97, 98, 99))).toBe(ABC);
  expect(await sha256("")).toBe(NOTHING);
});

test("hashes what a view shows, not the buffer behind it", async () => {
  const buffer = Uint8Array.of(0, 97, 98, 99, 0);
  expect(await sha256(buffer.subarray(1, 4))).toBe(ABC);
});
