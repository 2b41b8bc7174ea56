import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c } from "../../src/util/crc32c";

const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);

// RFC 3720, B.4; the first is the check value of every catalogue of checksums.
test.each<[name: string, data: Uint8Array, sum: number]>([
  ["the digits 1 to 9", new TextEncoder().encode("123456789"), 0xe3069283],
  ["32 bytes of zero", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 ascending bytes", ascending, 0x46dd794e],
  ["32 descending bytes", ascending.toReversed(), 0x113fdb5c],
  ["nothing", new Uint8Array(0), 0],
])("agrees with the standard on %s", (_, data, sum) => {
  expect(crc32c(data)).toBe(sum);
});

/** One bit at a time, straight from the definition. */
function reference(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = ((crc ^ (byte >>> bit)) & 1) === 1;
      crc = (crc >>> 1) ^ (isOdd ? 0x82f63b78 : 0);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

test("agrees with the definition on any bytes, wherever they begin in their buffer", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.nat({ max: 9 }),
      (bytes, start) => {
        const data = bytes.subarray(Math.min(start, bytes.length));
        expect(crc32c(data)).toBe(reference(data));
      },
    ),
  );
});

test("is the same in pieces as in one go", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(), (data, cut) => {
      const at = cut % (data.length + 1);
      const first = crc32c(data.subarray(0, at));
      expect(crc32c(data.subarray(at), first)).toBe(crc32c(data));
    }),
  );
});

test("changes with any flipped bit", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(),
      (data, which) => {
        const bit = which % (data.length * 8);
        const flipped = data.slice();
        flipped[bit >>> 3]! ^= 1 << (bit & 7);
        expect(crc32c(flipped)).not.toBe(crc32c(data));
      },
    ),
  );
});

test("prints how fast it is", () => {
  const data = new Uint8Array(32 << 20).fill(171);
  crc32c(data);
  const startMs = performance.now();
  crc32c(data);
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`crc32c: ${(data.length / 1e6 / seconds).toFixed(0)} MB/s`);
});
