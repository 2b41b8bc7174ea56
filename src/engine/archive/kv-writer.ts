/**
 * Writes KV to the archive, and finds it there again. Halves are packed on the GPU and written while the user
 * reads; no turn waits for that. Packing pins their pages. If their content changes all the same, what was packed
 * is thrown away.
 */
import { digestPayload } from "../../memory/key-digest";
import { payloadBytesOf, type TransferMode } from "../../memory/matrix-group";
import {
  type HalfKv,
  isStoredAsItIs,
  type KvOrigin,
  noteStored,
} from "../../memory/half-kv";
import { Pins } from "../../memory/residency";
import { isReadable, type Round } from "../../memory/round";
import type { SegmentHeader } from "../../memory/segment";
import { packHalf } from "../../memory/segment-transfer";
import { type Half, HALVES } from "../../util/kv-half";
import type { IndexKeys } from "../../store/rounds";
import { TaskQueue } from "../../util/task-queue";
import type { StorageMemory } from "../api/memory-snapshot";
import type { BoundChat } from "../chat/bound-chat";
import type { ChatRound } from "../chat/chat-round";
import { contentOf } from "../chat/context-hash";
import { DOCUMENT_ROUND } from "../chat/document";
import { segmentName } from "../load/fingerprint";
import type { LoadedModel } from "../load/loaded-model";
import type { SegmentSource } from "../restore/kv-restore";
import { farFromEnd } from "../run/attention-frame";
import type { Archive } from "./archive";
import type { TextWriter } from "./text-writer";

/** A half as its segment has it. */
interface SegmentPart {
  half: Half;
  header: SegmentHeader;
  payload: Uint8Array;
}

/** Half of a round, ready to be written. */
interface PackedHalf extends SegmentPart {
  payload: Uint8Array<ArrayBuffer>;
  /** Generation of the content that was packed. */
  generation: number;
  origin: KvOrigin;
}

export class KvWriter {
  readonly #archive: Archive;
  readonly #text: TextWriter;
  readonly #mode: TransferMode;
  readonly #packing = new TaskQueue();
  /** Contents on their way to the store, with their sizes in bytes. */
  readonly #underWay = new Map<HalfKv, { generation: number; bytes: number }>();
  /** Contents that found no room: they are tried again once another one did. */
  readonly #refused = new Map<HalfKv, number>();

  /** @param mode how halves are stored: packed to int8, or as they stand in the pages */
  constructor(archive: Archive, text: TextWriter, mode: TransferMode = "int8") {
    this.#archive = archive;
    this.#text = text;
    this.#mode = mode;
  }

  /** Segments that wait to be written or are being packed. */
  get queue(): Pick<StorageMemory, "queuedSegments" | "queuedBytes"> {
    const bytes = [...this.#underWay.values()].map((one) => one.bytes);
    return {
      queuedSegments: bytes.length,
      queuedBytes: bytes.reduce((a, b) => a + b, 0),
    };
  }

  /** Queues the KV of these rounds that is on the GPU and not stored yet. */
  store(
    loaded: LoadedModel,
    chat: BoundChat,
    rounds: readonly ChatRound[],
  ): void {
    // A chat is kept from its first message on: what is computed before makes none.
    const { all } = chat.conversation;
    if (all.every(({ saved }) => saved === "nothing")) return;
    for (const round of rounds) {
      const halves = HALVES.filter((half) => this.#needsStoring(round, half));
      if (halves.length > 0) void this.#storeRound(loaded, chat, round, halves);
    }
  }

  /**
   * Stores a document's KV for all chats, under its own id. Never rejects: if it fails, the KV belongs to the
   * chat alone.
   */
  async storeDocument(
    loaded: LoadedModel,
    chat: BoundChat,
    round: ChatRound,
  ): Promise<void> {
    const id = round.kvFrom?.conversationId;
    if (id === undefined) return;
    const halves = HALVES.filter((half) => this.#needsStoring(round, half));
    const packed = await this.#packing.run(() =>
      this.#pack(loaded, chat, round, halves),
    );
    this.#digest(loaded, round, packed);
    noteKeys(loaded, chat, round, packed);
    let isWhole =
      packed.length === HALVES.length &&
      (await this.#archive.saveDocument(id, {
        ...round,
        id: DOCUMENT_ROUND,
        parentId: null,
        kvFrom: undefined,
      }));
    for (const { half, header, payload, generation, origin } of packed) {
      isWhole &&= await this.#archive.saveSegment(
        id,
        DOCUMENT_ROUND,
        header,
        payload,
        origin,
      );
      if (!isWhole) continue;
      const bytes = payload.length;
      Object.assign(round[half].stored, { bytes, generation, origin });
    }
    if (isWhole) return;
    for (const half of HALVES) round[half].place = undefined;
    round.kvFrom = undefined;
  }

  /** Finds the stored halves of a chat's rounds. */
  sourceOf(loaded: LoadedModel, chat: BoundChat): SegmentSource {
    return {
      read: async (round, half) => {
        const { place } = round[half];
        const found = await this.#archive.readSegment(
          place?.conversationId ?? chat.conversation.id,
          place?.roundId ?? round.id,
          {
            ...(await headerOf(loaded, chat, round, half)),
            elements: ["int8", loaded.runner.cache.lower.shape.format],
          },
        );
        if (typeof found === "string") {
          if (half === "lower") (round as ChatRound).pageDigest = undefined;
          (round as ChatRound).indexKeys = undefined;
          return found;
        }
        const { payload, elements, origin } = found;
        const header = {
          ...(await headerOf(loaded, chat, round, half)),
          elements,
        };
        // An older record lacks them, and so does a file.
        const read = { half, header, payload };
        if (noteMissingKeys(loaded, chat, round as ChatRound, read))
          void this.#text.save(chat.conversation, [round as ChatRound]);
        return { payload, origin, mode: elements === "int8" ? "int8" : "raw" };
      },
    };
  }

  /** Resolves when packing needs no pages any more. */
  packed(): Promise<void> {
    return this.#packing.run(() => Promise.resolve());
  }

  /** Resolves when all KV queued for a chat is stored, or was given up. */
  async idle(chatId: string): Promise<void> {
    await this.packed();
    // Packing queues the writes, and text is queued before it.
    await this.#archive.idle(chatId);
  }

  /** Whether a half is resident, and neither stored nor on its way to the store. */
  #needsStoring(round: ChatRound, half: Half): boolean {
    const kv = round[half];
    const { generation, origin } = kv;
    return (
      round.tokens.length > 0 &&
      isReadable(round, half, true) &&
      origin?.isMixed === false &&
      !isStoredAsItIs(kv) &&
      this.#underWay.get(kv)?.generation !== generation &&
      this.#refused.get(kv) !== generation &&
      // The record of a damaged round can't say which tokens the KV belongs to.
      round.saved !== "damaged"
    );
  }

  /** Never rejects. */
  #storeRound(
    loaded: LoadedModel,
    chat: BoundChat,
    round: ChatRound,
    halves: readonly Half[],
  ): Promise<void> {
    const pins = new Pins(loaded.residency);
    const begun = new Map<HalfKv, { generation: number; bytes: number }>();
    for (const half of halves) {
      const kv = round[half];
      const bytes = payloadBytesOf(
        loaded.runner.cache[half],
        kv.pages,
        this.#mode,
      );
      begun.set(kv, { generation: kv.generation, bytes });
      // Pinned now, not when its turn comes: it must not be evicted before it is packed.
      pins.add(round, half);
    }
    for (const [kv, content] of begun) this.#underWay.set(kv, content);
    return this.#packing.run(async () => {
      let packed: PackedHalf[] = [];
      try {
        packed = await this.#pack(loaded, chat, round, halves);
      } catch {
        // A lost device or a full GPU: the text is stored, and KV can be computed again.
      } finally {
        pins.release();
      }
      void this.#write(loaded, chat, round, packed).finally(() => {
        for (const [kv, content] of begun)
          if (this.#underWay.get(kv) === content) this.#underWay.delete(kv);
      });
    });
  }

  async #pack(
    { gpu, runner }: LoadedModel,
    chat: BoundChat,
    round: ChatRound,
    halves: readonly Half[],
  ): Promise<PackedHalf[]> {
    const packed: PackedHalf[] = [];
    for (const half of halves) {
      const kv = round[half];
      const { generation, origin } = kv;
      if (origin === undefined || !isReadable(round, half, true)) continue;
      const { shape } = runner.cache[half];
      const header: SegmentHeader = {
        ...(await headerOf({ runner }, chat, round, half)),
        elements: this.#mode === "int8" ? "int8" : shape.format,
      };
      const payload = await packHalf(
        gpu,
        runner.cache[half],
        [...kv.pages],
        this.#mode,
        round.tokens.length,
        [...kv.localPages],
      );
      if (kv.generation === generation)
        packed.push({ half, header, payload, generation, origin });
    }
    return packed;
  }

  async #write(
    loaded: LoadedModel,
    chat: BoundChat,
    round: ChatRound,
    packed: readonly PackedHalf[],
  ): Promise<void> {
    if (packed.length === 0) return;
    const { id } = chat.conversation;
    const hasDigest = this.#digest(loaded, round, packed);
    const hasKeys = noteKeys(loaded, chat, round, packed);
    // Segments name the tokens of the record.
    if (hasDigest || hasKeys || round.saved !== "all")
      void this.#text.save(chat.conversation, [round]);
    // Queued together: waiting for the chat's writes then waits for both halves.
    const writing = packed.map(
      async ({ half, header, payload, generation, origin }) => {
        const kv = round[half];
        const { stored } = kv;
        const isKept = await this.#archive.saveSegment(
          id,
          round.id,
          header,
          payload,
          origin,
        );
        if (!isKept) {
          this.#refused.set(kv, generation);
          return;
        }
        this.#refused.clear();
        // The round may have been wiped meanwhile.
        if (kv.stored === stored)
          noteStored(kv, { bytes: payload.length, generation, origin });
      },
    );
    await Promise.all(writing);
    dropFar(loaded, chat);
  }

  /** @returns whether the round's keys have a new digest */
  #digest(
    { runner }: LoadedModel,
    round: ChatRound,
    packed: readonly PackedHalf[],
  ): boolean {
    const lower = packed.find(({ half }) => half === "lower");
    if (lower === undefined) return false;
    const { watershed } = runner.cache.lower.shape;
    round.pageDigest = digestPayload(lower.payload, lower.header, watershed);
    return true;
  }
}

/** Gives back what no local layer reads in the shown branch any more, as far as it is stored. */
function dropFar(
  { residency }: LoadedModel,
  { conversation }: BoundChat,
): void {
  const { window } = residency.cache;
  for (const round of farFromEnd(conversation.rounds, window))
    if (round.owner === residency)
      for (const half of HALVES) residency.dropLocal(round, half);
}

/**
 * The same for a half that was read, where the record has no keys of it.
 *
 * @returns whether the record has all keys now, and had not before
 */
function noteMissingKeys(
  loaded: LoadedModel,
  chat: BoundChat,
  round: ChatRound,
  read: SegmentPart,
): boolean {
  const { index } = loaded;
  const known = round.indexKeys;
  const isOurs =
    known?.model === chat.segmentFingerprint && known.heads === index?.name;
  if (isOurs && known[read.half]) return false;
  return (
    noteKeys(loaded, chat, round, [read]) &&
    index!.halves.every((half) => round.indexKeys![half])
  );
}

/**
 * Takes the keys of retrieval heads out of what was packed, to be stored with the round.
 *
 * @returns whether they changed
 */
function noteKeys(
  { index }: LoadedModel,
  { segmentFingerprint: model }: BoundChat,
  round: ChatRound,
  packed: readonly SegmentPart[],
): boolean {
  if (index === undefined) return false;
  const heads = index.name;
  const known = round.indexKeys;
  const isSame = known?.model === model && known.heads === heads;
  const keys: IndexKeys = { ...(isSame && known), model, heads };
  let isChanged = false;
  for (const { half, header, payload } of packed) {
    const found = index.keysOf(half, header, payload);
    if (!found) continue;
    keys[half] = found;
    isChanged = true;
  }
  if (isChanged) round.indexKeys = keys;
  return isChanged;
}

async function headerOf(
  { runner: { cache } }: Pick<LoadedModel, "runner">,
  chat: BoundChat,
  round: Round,
  half: Half,
): Promise<Omit<SegmentHeader, "elements">> {
  const { kvHeads, headDim } = cache[half].shape;
  return {
    fingerprint: segmentName(chat.segmentFingerprint, await contentOf(round)),
    half,
    layerCount: cache[half].layerCount,
    kvHeads,
    headDim,
    tokens: round.tokens.length,
  };
}
