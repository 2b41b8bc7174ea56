/**
 * The stored form of one half of a round's KV, with the checks that tell a usable segment from one that is torn,
 * damaged or another model's. All numbers are little-endian.
 *
 *     0   "RNDO", version, bytes of the header          u32 each
 *     12  half, elements, layers, KV heads, head_dim,
 *         page tokens, pages, tokens                    u32 each
 *     44  bytes of the payload, its CRC-32C,
 *         bytes of the fingerprint                      u32 each
 *     56  fingerprint, in UTF-8
 *         CRC-32C of the header up to here              u32
 *     ──  payload: by layer K, then V; each is [page][kv_head][16][head_dim] elements, and for int8
 *         then [page][kv_head][16][head_dim / group] f16 scales
 */
import { scaleGroup } from "../kernels/formats";
import { crc32c } from "../util/crc32c";
import { asToday, olderPayloadBytes } from "./older-segment";
import { PAGE_TOKENS, pagesFor } from "./page-pool";
import { type Half, HALVES } from "../util/kv-half";

/** How keys and values are stored: as they are in pages of that type, or int8 with scales. */
export type SegmentElements = "f32" | "f16" | "int8";

/** The header's fields; page and payload sizes follow from them. */
export interface SegmentHeader {
  /** Fingerprint of everything the numbers depend on: weights, tokenizer, template, RoPE, layout. */
  fingerprint: string;
  half: Half;
  layerCount: number;
  kvHeads: number;
  headDim: number;
  tokens: number;
  elements: SegmentElements;
}

/** What the reader can use. */
export type ExpectedSegment = Omit<SegmentHeader, "elements"> & {
  /** The accepted types, such as int8 and the resident one. */
  elements: readonly SegmentElements[];
};

export interface Segment {
  header: SegmentHeader;
  /** A view of the bytes that were decoded; of an older segment, as it would be stored today. */
  payload: Uint8Array<ArrayBuffer>;
}

/** Why a segment was refused. */
export interface SegmentRefusal {
  /**
   * torn: bytes are missing at the end; corrupt: bytes differ from those written;
   * foreign: another format, version or fingerprint; wrong shape: another half, size or type.
   */
  problem: "torn" | "corrupt" | "foreign" | "wrong shape";
  detail: string;
}

/** Bytes of one page of K or V of one layer: elements, and scales where there are any. */
export function pageMatrixBytes(
  { kvHeads, headDim }: Pick<SegmentHeader, "kvHeads" | "headDim">,
  elements: SegmentElements,
): number {
  const scaleBytes = (2 * headDim) / scaleGroup(headDim);
  const rowBytes = {
    f32: 4 * headDim,
    f16: 2 * headDim,
    int8: headDim + scaleBytes,
  };
  return kvHeads * PAGE_TOKENS * rowBytes[elements];
}

/** Bytes of the payload behind such a header. */
export function payloadBytes(header: SegmentHeader): number {
  const matrices = 2 * header.layerCount * pagesFor(header.tokens);
  return matrices * pageMatrixBytes(header, header.elements);
}

/**
 * The parts of a Blob: header, then the payload itself, not copied.
 *
 * @throws RangeError when the payload is not as long as the header says
 */
export function encodeSegment(
  header: SegmentHeader,
  payload: Uint8Array<ArrayBuffer>,
): [header: Uint8Array<ArrayBuffer>, payload: Uint8Array<ArrayBuffer>] {
  if (payload.length !== payloadBytes(header)) {
    throw new RangeError(
      `segment: a payload of ${payload.length} bytes, its shape takes ${payloadBytes(header)}`,
    );
  }
  const fingerprint = new TextEncoder().encode(header.fingerprint);
  const crcAt = FINGERPRINT_AT + fingerprint.length;
  const bytes = new Uint8Array(crcAt + 4);
  const view = new DataView(bytes.buffer);
  [
    MAGIC,
    VERSION,
    bytes.length,
    ...shapeWords(header),
    payload.length,
    crc32c(payload),
    fingerprint.length,
  ].forEach((word, i) => view.setUint32(4 * i, word, true));
  bytes.set(fingerprint, FINGERPRINT_AT);
  view.setUint32(crcAt, crc32c(bytes.subarray(0, crcAt)), true);
  return [bytes, payload];
}

/** Decodes a segment if it is intact and as expected. Bad bytes are refused, never thrown. */
export function decodeSegment(
  bytes: Uint8Array<ArrayBuffer>,
  expected: ExpectedSegment,
): Segment | SegmentRefusal {
  const torn = (wanted: number): SegmentRefusal => ({
    problem: "torn",
    detail: `${bytes.length} bytes of at least ${wanted}`,
  });
  if (bytes.length < LEAST_SEGMENT_BYTES) return torn(LEAST_SEGMENT_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = Array.from({ length: FINGERPRINT_AT / 4 }, (_, i) =>
    view.getUint32(4 * i, true),
  );
  const [magic, version, headerBytes] = words;
  const [storedBytes, payloadCrc, fingerprintBytes] = words.slice(-3);
  if (magic !== MAGIC) {
    return { problem: "foreign", detail: "it does not begin with RNDO" };
  }
  if (version !== VERSION) {
    return {
      problem: "foreign",
      detail: `format version ${version}, expected ${VERSION}`,
    };
  }
  const crcAt = FINGERPRINT_AT + fingerprintBytes!;
  if (headerBytes !== crcAt + 4) {
    return {
      problem: "corrupt",
      detail: `a header of ${headerBytes} bytes, its fields take ${crcAt + 4}`,
    };
  }
  if (bytes.length < headerBytes) return torn(headerBytes);
  if (crc32c(bytes.subarray(0, crcAt)) !== view.getUint32(crcAt, true)) {
    return { problem: "corrupt", detail: "the header fails its checksum" };
  }

  // The checksum matched: from here on the header is as it was written.
  const fingerprint = new TextDecoder().decode(
    bytes.subarray(FINGERPRINT_AT, crcAt),
  );
  if (fingerprint !== expected.fingerprint) {
    return {
      problem: "foreign",
      detail: `fingerprint ${fingerprint}, expected ${expected.fingerprint}`,
    };
  }
  const shape = words.slice(3, -3);
  const isOlder = shape[1] === OLDER_INT8;
  if (isOlder) shape[1] = ELEMENTS.int8;
  const elements = expected.elements.find((one) => {
    const wanted = shapeWords({ ...expected, elements: one });
    return wanted.every((word, i) => word === shape[i]);
  });
  if (!elements) {
    return {
      problem: "wrong shape",
      detail: `[${SHAPE_FIELDS}] are ${shape.join()}, expected ${expected.elements
        .map((one) => shapeWords({ ...expected, elements: one }).join())
        .join(" or ")}`,
    };
  }
  const header = { ...expected, elements };
  const wantedBytes = isOlder
    ? olderPayloadBytes(header)
    : payloadBytes(header);
  if (storedBytes !== wantedBytes) {
    return {
      problem: "wrong shape",
      detail: `a payload of ${storedBytes} bytes, its shape takes ${wantedBytes}`,
    };
  }

  const payload = bytes.subarray(headerBytes);
  if (payload.length < storedBytes) return torn(headerBytes + storedBytes);
  if (payload.length > storedBytes) {
    return {
      problem: "corrupt",
      detail: `${payload.length - storedBytes} bytes after the end`,
    };
  }
  if (crc32c(payload) !== payloadCrc) {
    return { problem: "corrupt", detail: "the payload fails its checksum" };
  }
  return { header, payload: isOlder ? asToday(payload, header) : payload };
}

function shapeWords(header: SegmentHeader): number[] {
  return [
    HALVES.indexOf(header.half),
    ELEMENTS[header.elements],
    header.layerCount,
    header.kvHeads,
    header.headDim,
    PAGE_TOKENS,
    pagesFor(header.tokens),
    header.tokens,
  ];
}

const MAGIC = 0x4f444e52; // "RNDO"
const VERSION = 1;
const FINGERPRINT_AT = 56;

/** The shortest segment: a header with an empty fingerprint. */
export const LEAST_SEGMENT_BYTES = FINGERPRINT_AT + 4;
/** The code of int8 with one scale a row, which is still read. */
const OLDER_INT8 = 2;
const ELEMENTS: Record<SegmentElements, number> = { f32: 0, f16: 1, int8: 3 };
const SHAPE_FIELDS =
  "half, elements, layers, KV heads, head_dim, page tokens, pages, tokens";
