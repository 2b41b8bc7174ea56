import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeSegment,
  encodeSegment,
  payloadBytes,
  type ExpectedSegment,
  type SegmentElements,
  type SegmentHeader,
} from "../../src/memory/segment";
import { crc32c } from "../../src/util/crc32c";
import { f16Value } from "../support/tensors";

const header: SegmentHeader = {
  fingerprint: "rondo-tiny/ä1",
  half: "upper",
  layerCount: 1,
  kvHeads: 1,
  headDim: 4,
  tokens: 17,
  elements: "int8",
};
const bytes = segmentOf(header);

function segmentOf(one: SegmentHeader): Uint8Array<ArrayBuffer> {
  const payload = Uint8Array.from(
    { length: payloadBytes(one) },
    (_, i) => i * 7 + 3,
  );
  return joined(encodeSegment(one, payload));
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function expecting(
  one: SegmentHeader,
  changes: Partial<ExpectedSegment> = {},
): ExpectedSegment {
  return { ...one, elements: ["int8", one.elements], ...changes };
}

/** The same segment after a change of its header that carries a right checksum. */
function rewritten(word: number, value: number): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  const view = new DataView(changed.buffer);
  const headerBytes = view.getUint32(8, true);
  view.setUint32(4 * word, value, true);
  const crc = crc32c(changed.subarray(0, headerBytes - 4));
  view.setUint32(headerBytes - 4, crc, true);
  return changed;
}

test("what was encoded comes out, of any shape and at any offset", () => {
  const headers = fc.record<SegmentHeader>({
    fingerprint: fc.string({ unit: "grapheme" }),
    half: fc.constantFrom("lower", "upper"),
    layerCount: fc.nat(3),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    headDim: fc.integer({ min: 1, max: 3 }).map((n) => 4 * n),
    tokens: fc.nat(40),
    elements: fc.constantFrom<SegmentElements>("f32", "f16", "int8"),
  });
  fc.assert(
    fc.property(headers, fc.nat(5), fc.nat(255), (one, offset, fill) => {
      const payload = new Uint8Array(payloadBytes(one)).map(
        (_, i) => i * fill + fill,
      );
      const whole = joined([
        new Uint8Array(offset),
        ...encodeSegment(one, payload),
      ]).subarray(offset);
      const decoded = decodeSegment(whole, expecting(one));
      expect(decoded).toEqual({ header: one, payload });
    }),
  );
});

test("the payload is not copied, and must be as long as its shape says", () => {
  const payload = new Uint8Array(payloadBytes(header));
  expect(encodeSegment(header, payload)[1]).toBe(payload);
  expect(() => encodeSegment(header, payload.subarray(4))).toThrow(
    "a payload of 380 bytes, its shape takes 384",
  );
});

test("every flipped bit of header and payload is found", () => {
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << bit;
      expect(decodeSegment(flipped, expecting(header))).toHaveProperty(
        "problem",
        at < 8 ? "foreign" : "corrupt",
      );
    }
    const inverted = bytes.slice();
    inverted[at]! ^= 0xff;
    expect(decodeSegment(inverted, expecting(header))).toHaveProperty(
      "problem",
    );
  }
});

test("every truncation is torn, and bytes after the end are found", () => {
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    expect(decodeSegment(cut, expecting(header))).toHaveProperty(
      "problem",
      "torn",
    );
  }
  expect(decodeSegment(joined([bytes, bytes]), expecting(header))).toEqual({
    problem: "corrupt",
    detail: `${bytes.length} bytes after the end`,
  });
});

test("any bytes at all are refused, not thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const start = Uint8Array.from([...bytes.subarray(0, 8), ...noise]);
      for (const some of [noise.slice(), start]) {
        expect(decodeSegment(some, expecting(header))).toHaveProperty(
          "problem",
        );
      }
    }),
  );
});

describe("what is whole but something else is refused", () => {
  test("another fingerprint", () => {
    const other = expecting(header, { fingerprint: "rondo-tiny/2" });
    expect(decodeSegment(bytes, other)).toEqual({
      problem: "foreign",
      detail: "fingerprint rondo-tiny/ä1, expected rondo-tiny/2",
    });
  });

  test("another format or version", () => {
    expect(decodeSegment(rewritten(0, 7), expecting(header))).toEqual({
      problem: "foreign",
      detail: "it does not begin with RNDO",
    });
    expect(decodeSegment(rewritten(1, 2), expecting(header))).toEqual({
      problem: "foreign",
      detail: "format version 2, expected 1",
    });
  });

  test.each<Partial<ExpectedSegment>>([
    { half: "lower" },
    { layerCount: 2 },
    { kvHeads: 2 },
    { headDim: 8 },
    { tokens: 18 },
    { tokens: 33 },
    { elements: ["f16"] },
    { elements: [] },
  ])("another shape: %o", (changes) => {
    expect(decodeSegment(bytes, expecting(header, changes))).toHaveProperty(
      "problem",
      "wrong shape",
    );
  });

  test.each([8, 9, 11])("another page size or payload, in word %i", (word) => {
    expect(
      decodeSegment(rewritten(word, 99), expecting(header)),
    ).toHaveProperty("problem", "wrong shape");
  });
});

test("a segment of version 0.1 has the same codes, and the scale of each row for all of its groups", () => {
  const shape = { ...header, headDim: 64, kvHeads: 2, tokens: 5 };
  const rows = 2 * 16;
  const matrices = 2 * shape.layerCount;
  const older = new Uint8Array(matrices * rows * 68).map((_, i) => 7 * i);
  const view = new DataView(older.buffer);
  for (let matrix = 0; matrix < matrices; matrix++)
    for (let row = 0; row < rows; row++)
      view.setFloat32(
        (matrix * 68 + 64) * rows + 4 * row,
        (matrix + 1) / (row + 1),
        true,
      );
  // Today's segment has as many bytes, so its header is that of the older one but for two words.
  const [today] = encodeSegment(shape, older);
  const segment = joined([today, older]);
  const words = new DataView(segment.buffer);
  words.setUint32(16, 2, true);
  words.setUint32(
    today.length - 4,
    crc32c(segment.subarray(0, today.length - 4)),
    true,
  );
  const read = decodeSegment(segment, expecting(shape));
  if (!("payload" in read)) throw new Error(read.detail);
  expect(read.header.elements).toBe("int8");
  const found = new DataView(read.payload.buffer);
  for (let matrix = 0; matrix < matrices; matrix++) {
    const at = matrix * 68 * rows;
    expect(read.payload.subarray(at, at + 64 * rows)).toEqual(
      older.subarray(at, at + 64 * rows),
    );
    for (let row = 0; row < rows; row++)
      for (const group of [0, 1]) {
        const bits = found.getUint16(
          at + 64 * rows + 4 * row + 2 * group,
          true,
        );
        const scale = (matrix + 1) / (row + 1);
        expect(Math.abs(f16Value(bits) / scale - 1)).toBeLessThan(2 ** -10);
      }
  }
});
