/**
 * A chat as one file. Numbers are little-endian.
 *
 *     0    "RNDOCHAT"
 *     8    version, bytes of the text, its CRC-32C     u32 each
 *     20   text: JSON in UTF-8, with all rounds and a list of the segments
 *     ──   segments as they are stored, back to back, in the order of the list
 *
 * The whole text is read and checked first; segments stay slices of the file until they are read. If only KV is
 * damaged, the chat is still usable: that KV is computed again.
 *
 * Files come from strangers. Tokens are compared with the text beside them before a model reads them
 * (bound-chat.ts); KV can't be checked, so it is left out unless the user trusts the source.
 */
import { blobBytes } from "../../util/blob-bytes";
import * as v from "valibot";
import type { RoundRecord } from "../../store/rounds";
import {
  callsSchema,
  resultsSchema,
  toolsSchema,
} from "../../store/tool-schemas";
import type { ToolDefinition } from "../../store/tools";
import type { SegmentRecord } from "../../store/segments";
import { LEAST_SEGMENT_BYTES } from "../../memory/segment";
import { crc32c } from "../../util/crc32c";
import { ChatFileError } from "../../util/errors";

export interface ChatFile {
  title: string;
  system?: string | undefined;
  tools?: readonly ToolDefinition[] | undefined;
  /** The model it was used with. Its address stays on this computer. */
  modelName: string;
  createdMs: number;
  /** Pinned rounds. */
  pinnedIds?: number[] | undefined;
  rounds: FileRound[];
}

export type FileRound = Omit<
  RoundRecord,
  "conversationId" | "contentHash" | "contexts" | "isFromFile"
>;
export type FileSegment = Omit<SegmentRecord, "conversationId">;

export interface OpenedChatFile {
  chat: ChatFile;
  /**
   * Reads the segments in order, as many at a time as one read of the file brings; yields `damaged` for one whose
   * checksum does not match.
   */
  segments: () => AsyncGenerator<(FileSegment | "damaged")[], void>;
}

const MAGIC = "RNDOCHAT";
const VERSION = 1;
const TEXT_AT = 20;

/** More rounds than any chat has; a file with as many still opens within seconds. */
const MOST_ROUNDS = 100_000;
/** Characters of a title or a name. */
const MOST_LINE = 1000;
/** Characters of a message, as of the largest document, and of a reply: both can be shown in reasonable time. */
const MOST_MESSAGE = 20_000_000;
const MOST_REPLY = 2_000_000;
/** Bytes to read at a time. */
const READ_BYTES = 4 * 2 ** 20;

/** Words of 32 bits: tokens, or floats bit for bit. */
const words = v.pipe(
  v.array(
    v.pipe(
      v.number(),
      v.integer("a whole number"),
      v.minValue(0),
      v.maxValue(2 ** 32 - 1),
    ),
  ),
  v.transform((list) => Uint32Array.from(list)),
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Far below the store's limit: later rounds of the chat get ids above these. */
const roundId = v.pipe(count, v.maxValue(2 ** 31));
/** The last moment that a Date can be. */
const timeMs = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
/** Longer ones are cut: they are shown in a line. */
const line = v.pipe(
  v.string(),
  v.transform((text) => text.slice(0, MOST_LINE)),
);
const textUpTo = (characters: number) =>
  v.pipe(v.string(), v.maxLength(characters));

const roundFields = v.pipe(
  v.object({
    id: roundId,
    parentId: v.nullable(roundId),
    user: textUpTo(MOST_MESSAGE),
    reply: textUpTo(MOST_REPLY),
    isFinished: v.boolean(),
    tokens: words,
    openTokens: count,
    textFingerprint: v.string(),
    attended: v.nullable(v.array(count)),
    pageDigest: v.optional(
      v.pipe(
        words,
        v.transform((bits) => new Float32Array(bits.buffer)),
      ),
    ),
    kvContext: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
    isApproximate: v.optional(v.boolean()),
    kvFrom: v.optional(v.object({ roundId })),
    document: v.optional(line),
    calls: v.optional(callsSchema),
    results: v.optional(resultsSchema),
    modelName: v.optional(line),
    createdMs: timeMs,
  }),
  v.check(
    ({ id, parentId }) => parentId === null || parentId < id,
    "a parent id below the child's",
  ),
  v.check(
    ({ openTokens, tokens }) => openTokens <= tokens.length,
    "a message no longer than its round",
  ),
);

const segmentFields = v.object({
  roundId,
  half: v.picklist(["lower", "upper"]),
  fingerprint: v.string(),
  kvContext: v.optional(v.string()),
  isExact: v.optional(v.boolean()),
  bytes: v.pipe(count, v.minValue(LEAST_SEGMENT_BYTES)),
  crc32c: count,
});

const textFields = v.object({
  title: line,
  system: v.optional(textUpTo(MOST_REPLY)),
  tools: v.optional(toolsSchema),
  modelName: line,
  createdMs: timeMs,
  pinnedIds: v.optional(v.array(count)),
  rounds: v.pipe(
    v.array(roundFields),
    v.maxLength(MOST_ROUNDS),
    v.check(
      (rounds) => new Set(rounds.map(({ id }) => id)).size === rounds.length,
      "unique round ids",
    ),
  ),
  segments: v.pipe(
    v.array(segmentFields),
    v.check(
      (all) =>
        new Set(all.map(({ roundId, half }) => `${roundId} ${half}`)).size ===
        all.length,
      "one segment per half of a round",
    ),
  ),
});

type ListedSegment = v.InferOutput<typeof segmentFields>;

/**
 * Builds the file of a chat. Segments are read once, one at a time, for their checksums; the Blob refers to their
 * bytes without copying them.
 */
export async function writeChatFile(
  chat: ChatFile,
  segments: Iterable<FileSegment> | AsyncIterable<FileSegment> = [],
): Promise<Blob> {
  const listed: ListedSegment[] = [];
  const blobs: Blob[] = [];
  for await (const segment of segments) {
    const { roundId, half, fingerprint, kvContext, isExact } = segment;
    const { blob, bytes } = segment;
    const content = await blobBytes(blob);
    if (content === undefined) continue;
    const facts = { roundId, half, fingerprint, kvContext, isExact, bytes };
    listed.push({ ...facts, crc32c: crc32c(content) });
    blobs.push(blob);
  }

  const text = new TextEncoder().encode(
    JSON.stringify({
      ...chat,
      rounds: chat.rounds.map((round) => ({
        ...round,
        tokens: [...round.tokens],
        pageDigest: round.pageDigest && bitsOf(round.pageDigest),
      })),
      segments: listed,
    } satisfies v.InferInput<typeof textFields>),
  );
  const start = new Uint8Array(TEXT_AT);
  start.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(start.buffer);
  [VERSION, text.length, crc32c(text)].forEach((word, i) =>
    view.setUint32(MAGIC.length + 4 * i, word, true),
  );
  return new Blob([start, text, ...blobs], {
    type: "application/octet-stream",
  });
}

/** @throws ChatFileError if it is no chat file, or its text is damaged */
export async function readChatFile(file: Blob): Promise<OpenedChatFile> {
  const start = await sliceOf(file, 0, TEXT_AT);
  const magic = new TextDecoder().decode(start.subarray(0, MAGIC.length));
  if (magic !== MAGIC || start.length < TEXT_AT) {
    throw new ChatFileError(
      "This is not a chat file. Choose one that Rondo exported.",
    );
  }
  const view = new DataView(start.buffer);
  const [version, textBytes, textCrc] = [8, 12, 16].map((at) =>
    view.getUint32(at, true),
  ) as [number, number, number];
  if (version !== VERSION) {
    throw new ChatFileError(
      `This chat was exported by another version of Rondo (file version ${version}; this one reads ${VERSION}). Reload the page to update it, then import again.`,
    );
  }
  const textEnd = TEXT_AT + textBytes;
  const bytes = await sliceOf(file, TEXT_AT, textEnd);
  if (bytes.length < textBytes) {
    throw new ChatFileError(
      `This file ends after ${file.size} bytes; its text alone takes ${textEnd}. It was cut off: copy or download it again.`,
    );
  }
  if (crc32c(bytes) !== textCrc) {
    throw new ChatFileError(
      "This file is damaged: its text fails its checksum. Copy or download it again, or export the chat again.",
    );
  }
  const { segments, ...chat } = checkedText(bytes);
  return { chat, segments: () => readSegments(file, textEnd, segments) };
}

async function* readSegments(
  file: Blob,
  start: number,
  listed: readonly ListedSegment[],
): AsyncGenerator<(FileSegment | "damaged")[], void> {
  let at = start;
  for (const group of groupsOf(listed)) {
    const bytes = group.reduce((sum, segment) => sum + segment.bytes, 0);
    const content = await blobBytes(file.slice(at, at + bytes));
    at += bytes;
    let from = 0;
    yield group.map(({ crc32c: crc, ...segment }) => {
      const end = from + segment.bytes;
      const own = content?.subarray(from, end);
      from = end;
      const isWhole = own?.length === segment.bytes && crc32c(own) === crc;
      return isWhole ? { ...segment, blob: new Blob([own]) } : "damaged";
    });
  }
}

/** Groups segments to read together; a large one is read alone. */
function* groupsOf(
  listed: readonly ListedSegment[],
): Generator<ListedSegment[], void> {
  let group: ListedSegment[] = [];
  let groupBytes = 0;
  for (const segment of listed) {
    if (group.length > 0 && groupBytes + segment.bytes > READ_BYTES) {
      yield group;
      group = [];
      groupBytes = 0;
    }
    group.push(segment);
    groupBytes += segment.bytes;
  }
  if (group.length > 0) yield group;
}

function checkedText(
  bytes: Uint8Array<ArrayBuffer>,
): v.InferOutput<typeof textFields> {
  const unfit = (expected: string, found: string) =>
    new ChatFileError(
      `This chat file is invalid: expected ${expected}, found ${found}. Export the chat again.`,
    );
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const why = (error as Error).message;
    throw unfit("JSON", `invalid JSON (${why})`);
  }
  const result = v.safeParse(textFields, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  if (path !== null && issue.received === "undefined")
    throw unfit(path, "nothing");
  const expected = issue.expected ?? issue.message;
  throw unfit(
    path === null ? expected : `${path}: ${expected}`,
    issue.received,
  );
}

/** @throws ChatFileError if the browser can't read the file (any more) */
async function sliceOf(
  file: Blob,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = await blobBytes(file.slice(start, end));
  if (content !== undefined) return content;
  throw new ChatFileError(
    "This file could not be read: it was moved, changed or deleted meanwhile. Choose it again.",
  );
}

/** Floats as words, so that JSON keeps every bit. */
function bitsOf({ buffer, byteOffset, length }: Float32Array): number[] {
  return [...new Uint32Array(buffer, byteOffset, length)];
}
