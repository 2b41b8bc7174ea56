/** Archives for a single test, and chats to fill them. */
import { onTestFinished } from "vitest";
import type {
  ArchiveOptions,
  ChatHead,
  StoreWarning,
} from "../../src/engine/archive/archive";
import type { RoundFields } from "../../src/engine/chat/chat-round";
import { contentHash, segmentName } from "../../src/engine/load/fingerprint";
import { IndexedDbArchive } from "../../src/engine/archive/indexeddb-archive";
import type { KvOrigin } from "../../src/memory/half-kv";
import {
  type ExpectedSegment,
  payloadBytes,
  type SegmentHeader,
} from "../../src/memory/segment";
import { ownName } from "../store/fixtures";

export interface TestArchive {
  archive: IndexedDbArchive;
  /** Warnings, in order. */
  troubles: StoreWarning[];
  /** How often a change of the list of chats was reported. */
  changes: { count: number };
}

/** An archive that is closed after the test; several with one name act as several tabs. */
export async function openTestArchive(
  name = ownName(),
  options: ArchiveOptions = {},
): Promise<TestArchive> {
  const troubles: StoreWarning[] = [];
  const changes = { count: 0 };
  const archive = await IndexedDbArchive.open({
    name,
    onWarning: (trouble) => troubles.push(trouble),
    onChanged: () => changes.count++,
    ...options,
  });
  onTestFinished(() => archive.close());
  return { archive, troubles, changes };
}

export function chatHead(id: string, fields: Partial<ChatHead> = {}): ChatHead {
  return {
    id,
    system: undefined,
    model: { name: "rondo-tiny", url: "/models/rondo-tiny/" },
    createdMs: 1000,
    ...fields,
  };
}

export function roundToKeep(
  id: number,
  fields: Partial<RoundFields> = {},
): RoundFields {
  return {
    id,
    parentId: id === 0 ? null : id - 1,
    user: id === 0 ? "" : `Question ${id}`,
    reply: id === 0 ? "" : `Answer ${id}`,
    isFinished: true,
    tokens: [id, 7, 70_000],
    openTokens: 2,
    textFingerprint: "t1",
    attended: null,
    ...fields,
  };
}

/** The KV of half a round as the engine would store it, its payload full of the round's id. */
export async function kvOf(
  { id, tokens }: RoundFields,
  half: "lower" | "upper" = "lower",
  modelFingerprint = "model",
): Promise<{
  header: SegmentHeader;
  payload: Uint8Array<ArrayBuffer>;
  origin: KvOrigin;
  expected: ExpectedSegment;
}> {
  const header: SegmentHeader = {
    fingerprint: segmentName(modelFingerprint, await contentHash(tokens)),
    half,
    layerCount: 1,
    kvHeads: 1,
    headDim: 8,
    tokens: tokens.length,
    elements: "f16",
  };
  const payload = new Uint8Array(payloadBytes(header)).fill(id);
  return {
    header,
    payload,
    origin: { context: "c".repeat(64), isExact: true, isMixed: false },
    expected: { ...header, elements: ["int8", "f16"] },
  };
}
