/**
 * The encoding that a text is most likely in, where nothing says so: by chardet, helped out where it knows little.
 * A short Chinese or Japanese list has too few characters for statistics; UTF-16 without a mark is not among them.
 */
import { analyse } from "chardet";
import { decode } from "./decode-bytes";

/** More is slow, and tells no more. */
const SAMPLE_BYTES = 65_536;
/** chardet's confidence, in percent, from which it is believed; below the other, the user's language tells more. */
const SURE = 60;
const UNSURE = 20;
/** The share of common characters from which bytes are Chinese, Japanese or Korean. */
const COMMON_SHARE = 0.85;

/** Legacy encodings of languages; all others have Windows-1252. From the HTML standard. */
const OF_LANGUAGE: Record<string, string> = {
  ...named("gb18030", "zh zh-cn zh-sg"),
  ...named("big5", "zh-tw zh-hk zh-mo"),
  ...named("shift_jis", "ja"),
  ...named("euc-kr", "ko"),
  ...named("windows-1250", "cs hu pl sk sl hr ro bs"),
  ...named("windows-1251", "ru uk be bg mk sr"),
  ...named("windows-1253", "el"),
  ...named("windows-1254", "tr az"),
  ...named("windows-1255", "he"),
  ...named("windows-1256", "ar fa ur"),
  ...named("windows-1257", "et lt lv"),
  ...named("windows-1258", "vi"),
  ...named("windows-874", "th"),
};

/** Where ISO's sets are parts of Windows' sets, or what files in them really are in. */
const WIDER: Record<string, string> = {
  "iso-8859-1": "windows-1252",
  "iso-8859-8": "windows-1255",
  "iso-8859-9": "windows-1254",
};

/** In Latin script. */
const LATIN = [1250, 1252, 1254, 1257, 1258]
  .map((page) => `windows-${page}`)
  .concat("iso-8859-2");

interface Common {
  name: string;
  /** The first bytes of common letters and of punctuation: from, to, from, to. */
  first: [number, number, number, number];
  /** The least second byte of these. */
  second: number;
}

/** Those with fewer common letters first: that all letters are among these says more. */
const COMMON: readonly Common[] = [
  { name: "shift_jis", first: [0x88, 0x97, 0x81, 0x83], second: 0x40 },
  { name: "euc-kr", first: [0xb0, 0xc8, 0xa1, 0xa3], second: 0xa1 },
  { name: "euc-jp", first: [0xb0, 0xcf, 0xa1, 0xa5], second: 0xa1 },
  { name: "big5", first: [0xa4, 0xc6, 0xa1, 0xa3], second: 0x40 },
  { name: "gb18030", first: [0xb0, 0xd7, 0xa1, 0xa3], second: 0xa1 },
];

/** A name that TextDecoder knows; undefined for what is no text. */
export function guessEncoding(
  bytes: Uint8Array,
  languages: readonly string[] = globalThis.navigator?.languages ?? [],
): string | undefined {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const wide = wideEncoding(sample);
  if (wide !== undefined) return wide;
  const [best, ...others] = analyse(sample).filter(
    ({ confidence }) => confidence > 0,
  );
  const own = languages.flatMap(
    (language) =>
      OF_LANGUAGE[language.toLowerCase()] ??
      OF_LANGUAGE[language.split("-")[0]!.toLowerCase()] ??
      [],
  );
  const statistics = [best, ...others].flatMap((match) => match?.name ?? []);
  const confidence = best?.confidence ?? 0;
  const isLatin = isMostlyAscii(sample);
  const candidates = [
    ...(confidence >= SURE ? statistics : []),
    ...manyByteEncodings(sample, own),
    ...(confidence < UNSURE ? own : []),
    ...statistics,
    ...(isLatin ? [] : ["windows-1251"]),
    "windows-1252",
  ]
    .map((name) => name.toLowerCase())
    .map((name) => WIDER[name] ?? name)
    .filter((name) => isLatin || !LATIN.includes(name));
  return candidates.find((name) => isPlain(decode(bytes, name)));
}

/** Whether most letters are ASCII, as in languages of Latin script. */
function isMostlyAscii(bytes: Uint8Array): boolean {
  let more = 0;
  for (const byte of bytes)
    if (byte >= 0xc0) more--;
    else if (/[a-z]/i.test(String.fromCharCode(byte))) more++;
  return more >= 0;
}

/** UTF-16 without a mark: every other byte of Latin text is 0, and in other scripts most characters are letters. */
function wideEncoding(bytes: Uint8Array): string | undefined {
  if (bytes.length < 4) return undefined;
  return ["utf-16le", "utf-16be"].find((name) => {
    const text = decode(bytes, name);
    if (text === undefined || !isPlain(text)) return false;
    const known = text.match(
      /[\t\n\r -~\u00a0-\u052f\u0590-\u06ff\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uff5e]/g,
    );
    const plain = text.match(/[\n\r ,.\u3000-\u3002\uff0c]/g);
    return (
      (known?.length ?? 0) >= 0.95 * text.length &&
      (bytes.includes(0) || (plain?.length ?? 0) >= 0.02 * text.length)
    );
  });
}

/**
 * The encodings in which most characters of more than one byte are common ones: those of the user's languages first,
 * then the best.
 */
function manyByteEncodings(
  bytes: Uint8Array,
  own: readonly string[],
): string[] {
  return COMMON.map((common) => ({
    ...common,
    share: commonShare(bytes, common),
  }))
    .filter(({ share }) => share >= COMMON_SHARE)
    .filter(({ name }) => decode(bytes, name) !== undefined)
    .sort((a, b) => b.share - a.share)
    .map(({ name }) => name)
    .sort((a, b) => Number(own.includes(b)) - Number(own.includes(a)));
}

function commonShare(bytes: Uint8Array, { first, second }: Common): number {
  const [from, to, alsoFrom, alsoTo] = first;
  let common = 0;
  let count = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) continue;
    count++;
    const isFirst =
      (byte >= from && byte <= to) || (byte >= alsoFrom && byte <= alsoTo);
    if ((bytes[++i] ?? 0) >= second && isFirst) common++;
  }
  return count === 0 ? 0 : common / count;
}

/** Whether a text has no control characters but white space and escape codes. */
function isPlain(text: string | undefined): boolean {
  return (
    text !== undefined &&
    !/(?![\t-\r\x1a\x1b\u0085])\p{Cc}|[\ufffd\ufffe\uffff]|\p{Co}/u.test(text)
  );
}

function named(encoding: string, languages: string): Record<string, string> {
  return Object.fromEntries(
    languages.split(" ").map((language) => [language, encoding]),
  );
}
