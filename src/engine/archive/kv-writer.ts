/**
 * Keeps rounds in the archive and finds their KV there again. Text is written while a turn runs, KV
 * afterwards: packed on the GPU and written while the user reads. No turn waits for either, and what is
 * being packed stays in place meanwhile.
 */
import { digestPayload } from "../../memory/key-digest";
import { payloadBytesOf, type TransferMode } from "../../memory/matrix-group";
import { Pins } from "../../memory/residency";
import { type HalfKv, isResident, type Round } from "../../memory/round";
import { type Half, HALVES } from "../../util/kv-half";
import type { SegmentHeader } from "../../memory/segment";
import { packHalf } from "../../memory/segment-transfer";
import type { Archive, RoundToKeep } from "./archive";
import type { BoundChat } from "../chat/bound-chat";
import type { ChatRound } from "../chat/conversation";
import { DOCUMENT_ROUND } from "../chat/document";
import { contentHash, segmentName } from "../load/fingerprint";
import type { StorageMemory } from "../api/memory-snapshot";
import type { SegmentSource } from "../restore/kv-restore";
import type { Session } from "../load/loaded-model";
import { TaskQueue } from "../../util/task-queue";

export class Keeper {
  readonly #archive: Archive;
  readonly #mode: TransferMode;
  readonly #packing = new TaskQueue();
  /** Rounds whose KV is on its way to the store. */
  readonly #underWay = new Set<Round>();
  /** Their halves, with the bytes that these will have. */
  readonly #queued = new Map<HalfKv, number>();
  /** Rounds whose KV found no room; they are tried again once another one has. */
  readonly #refused = new Set<Round>();

  /** @param mode how halves are stored: packed to int8, or as they stand in the pages */
  constructor(archive: Archive, mode: TransferMode = "int8") {
    this.#archive = archive;
    this.#mode = mode;
  }

  /** Writes down what was said in a round so far; with the first one the chat begins. */
  keepText(
    { model }: Session,
    chat: BoundChat,
    round: ChatRound,
    url: string,
  ): Promise<boolean> {
    const { id, system, createdMs, pinned, all, lastGivenId } =
      chat.conversation;
    const head = {
      id,
      system,
      createdMs,
      model: { name: model.name, url },
      ...(pinned.size > 0 && { pinnedIds: [...pinned] }),
    };
    // What the chat began with, the system prompt at least, comes with the first round that follows it.
    const isFirst = round.parentId !== null && round.parentId <= lastGivenId;
    const given = isFirst ? all.filter((one) => one.id <= lastGivenId) : [];
    return this.#archive.saveRounds(
      head,
      [...new Set([...given, round])].map((one): RoundToKeep => ({
        ...one,
        textFingerprint: chat.textFingerprint,
      })),
    );
  }

  /** What is to be written of KV, or is being packed for that. */
  get queue(): Pick<StorageMemory, "queuedSegments" | "queuedBytes"> {
    const bytes = [...this.#queued.values()];
    return {
      queuedSegments: bytes.length,
      queuedBytes: bytes.reduce((a, b) => a + b, 0),
    };
  }

  /** Stores what these rounds of a chat have on the GPU and not in the store, when there is time. */
  keepKv(
    session: Session,
    chat: BoundChat,
    rounds: readonly ChatRound[],
    url: string,
  ): void {
    for (const round of rounds) {
      const hasLoose = HALVES.some((half) => isLoose(round, half));
      const isTried = this.#underWay.has(round) || this.#refused.has(round);
      const isOwn = round.kvFrom === undefined && !round.isRepaired;
      if (hasLoose && isOwn && !isTried)
        void this.#keepRound(session, chat, round, url);
    }
  }

  /** Stores a document's KV for all chats, under its own id. */
  async keepDocument(
    session: Session,
    chat: BoundChat,
    round: ChatRound,
  ): Promise<void> {
    const id = round.kvFrom?.conversationId;
    if (id === undefined) return;
    const packed = await this.#packing.run(() =>
      this.#pack(session, chat, round),
    );
    const { watershed } = session.runner.cache.lower.shape;
    for (const { half, header, payload } of packed)
      if (half === "lower")
        round.pageDigest = digestPayload(payload, header, watershed);
    const isKept = await this.#archive.saveDocument(id, {
      ...round,
      id: DOCUMENT_ROUND,
      parentId: null,
      kvFrom: undefined,
      textFingerprint: chat.textFingerprint,
    });
    let isWhole = isKept;
    for (const { half, header, payload } of packed) {
      isWhole &&= await this.#archive.saveSegment(
        id,
        DOCUMENT_ROUND,
        header,
        payload,
      );
      if (isWhole) round[half].storedBytes = payload.length;
    }
    // Without a place of its own the KV is kept with the chat.
    if (!isWhole) round.kvFrom = undefined;
  }

  /** Stores both halves of a round, where they are whole and not stored yet. Never rejects. */
  #keepRound(
    session: Session,
    chat: BoundChat,
    round: ChatRound,
    url: string,
  ): Promise<void> {
    this.#underWay.add(round);
    for (const half of HALVES)
      if (isLoose(round, half))
        this.#queued.set(
          round[half],
          payloadBytesOf(
            session.runner.cache[half],
            round[half].pages,
            this.#mode,
          ),
        );
    const pins = new Pins(session.residency);
    // From now on, not from when its turn comes: what is to be packed must not go before.
    for (const half of HALVES) pins.add(round, half);
    return this.#packing.run(async () => {
      let packed: Packed[] = [];
      try {
        packed = await this.#pack(session, chat, round);
      } catch {
        // A lost device or a full GPU: the text is kept, and KV can be computed again.
      } finally {
        pins.release();
      }
      void this.#write(session, chat, round, packed, url).finally(() => {
        this.#underWay.delete(round);
        for (const half of HALVES) this.#queued.delete(round[half]);
      });
    });
  }

  /** Where the stored halves of a chat's rounds are found. */
  sourceOf(session: Session, chat: BoundChat): SegmentSource {
    return {
      read: async (round, half) => {
        const { kvFrom } = round as ChatRound;
        const found = await this.#archive.readSegment(
          kvFrom?.conversationId ?? chat.conversation.id,
          kvFrom?.roundId ?? round.id,
          {
            ...(await headerOf(session, chat, round, half)),
            elements: ["int8", session.runner.cache.lower.shape.format],
          },
        );
        if (typeof found === "string") {
          if (half === "lower") (round as ChatRound).pageDigest = undefined;
          return found;
        }
        const { payload, elements } = found;
        return { payload, mode: elements === "int8" ? "int8" : "raw" };
      },
    };
  }

  /** Resolves when no round's pages are needed for packing any more. */
  packed(): Promise<void> {
    return this.#packing.run(() => Promise.resolve());
  }

  /** Resolves when all KV of a chat that was to be stored is, or was given up. */
  async idle(chatId: string): Promise<void> {
    await this.packed();
    // What is packed asks to be written at once, its text first.
    await this.#archive.idle(chatId);
  }

  async #pack(
    session: Session,
    chat: BoundChat,
    round: ChatRound,
  ): Promise<Packed[]> {
    const { gpu, runner } = session;
    const packed: Packed[] = [];
    for (const half of HALVES) {
      const kv = round[half];
      if (!isLoose(round, half)) continue;
      const { shape } = runner.cache[half];
      const header: SegmentHeader = {
        ...(await headerOf(session, chat, round, half)),
        elements: this.#mode === "int8" ? "int8" : shape.format,
      };
      const payload = await packHalf(
        gpu,
        runner.cache[half],
        kv.pages,
        this.#mode,
        round.tokens.length,
      );
      packed.push({ half, header, payload });
    }
    return packed;
  }

  async #write(
    session: Session,
    chat: BoundChat,
    round: ChatRound,
    packed: readonly Packed[],
    url: string,
  ): Promise<void> {
    const { id } = chat.conversation;
    const lower = packed.find(({ half }) => half === "lower");
    if (lower) {
      const { watershed } = session.runner.cache.lower.shape;
      const { payload, header } = lower;
      round.pageDigest = digestPayload(payload, header, watershed);
      void this.keepText(session, chat, round, url);
    }
    // All at once: whoever waits for this chat's writes waits for both halves.
    const writing = packed.map(async ({ half, header, payload }) => {
      const saving = this.#archive.saveSegment(id, round.id, header, payload);
      if (!(await saving)) return void this.#refused.add(round);
      round[half].storedBytes = payload.length;
      this.#refused.clear();
    });
    await Promise.all(writing);
  }
}

/** Whether a half is whole on the GPU, and not stored. */
function isLoose(round: Round, half: Half): boolean {
  return isResident(round, half) && round[half].storedBytes === 0;
}

/** Half of a round, ready to be written. */
interface Packed {
  half: Half;
  header: SegmentHeader;
  payload: Uint8Array<ArrayBuffer>;
}

async function headerOf(
  { runner: { cache } }: Session,
  chat: BoundChat,
  round: Round,
  half: Half,
): Promise<Omit<SegmentHeader, "elements">> {
  const { kvHeads, headDim } = cache[half].shape;
  return {
    fingerprint: segmentName(
      chat.segmentFingerprint,
      await contentHash(round.tokens),
    ),
    half,
    layerCount: cache[half].layerCount,
    kvHeads,
    headDim,
    tokens: round.tokens.length,
  };
}
