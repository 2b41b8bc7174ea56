/**
 * CRC-32C (Castagnoli), the checksum of RFC 3720: detects torn and flipped bytes in stored data. It does not
 * protect against tampering; hashes do.
 */

/** The polynomial 0x1edc6f41 with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/**
 * Eight tables of 256, one after the other: entry 256·n + b is the checksum of byte b followed by n
 * zeros. Eight bytes are then eight independent look-ups ("slicing by 8").
 */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    }
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = (before >>> 8) ^ tables[before & 255]!;
  }
  return tables;
}

/**
 * The checksum of `data`, an unsigned 32-bit number. Data in pieces is checked in pieces: `crc32c(second,
 * crc32c(first))` is the checksum of both.
 */
export function crc32c(data: Uint8Array, previous = 0): number {
  const tables = TABLES;
  const wholeEnd = data.length - (data.length % 8);
  let crc = ~previous;
  let i = 0;
  for (; i < wholeEnd; i += 8) {
    crc =
      tables[1792 + ((crc ^ data[i]!) & 255)]! ^
      tables[1536 + (((crc >>> 8) ^ data[i + 1]!) & 255)]! ^
      tables[1280 + (((crc >>> 16) ^ data[i + 2]!) & 255)]! ^
      tables[1024 + ((crc >>> 24) ^ data[i + 3]!)]! ^
      tables[768 + data[i + 4]!]! ^
      tables[512 + data[i + 5]!]! ^
      tables[256 + data[i + 6]!]! ^
      tables[data[i + 7]!]!;
  }
  for (; i < data.length; i++) {
    crc = (crc >>> 8) ^ tables[(crc ^ data[i]!) & 255]!;
  }
  return ~crc >>> 0;
}
