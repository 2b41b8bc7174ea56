/** A memory source controlled by a test: returns the given snapshot, and records every call. */
import type { ChatHistory } from "../../src/engine/api/chats";
import type { EngineNotice } from "../../src/engine/api/notice";
import type {
  MemoryOptions,
  MemorySource,
  VerifyOptions,
  VerifyReport,
} from "../../src/engine/api/kv-memory";
import type { MemorySnapshot } from "../../src/engine/api/memory-snapshot";
import { keptChat } from "./kept-chat";
import { withTexts } from "./memory-snapshots";

/** A verification that goes on until the test ends it. */
export class FakeVerify {
  readonly roundId: number;
  readonly options: VerifyOptions;
  readonly outcome: Promise<VerifyReport>;
  finish!: (report: VerifyReport) => void;
  fail!: (error: Error) => void;

  constructor(roundId: number, options: VerifyOptions = {}) {
    this.roundId = roundId;
    this.options = options;
    this.outcome = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    const { signal } = options;
    signal?.addEventListener("abort", () => this.fail(signal.reason as Error));
  }
}

export class FakeMemorySource implements MemorySource {
  snapshot: MemorySnapshot;
  /** Error of the next calls. */
  error: Error | undefined;
  /** While set, answers to `memory` wait for it. */
  gate: Promise<void> | undefined;
  /** Asked of `memory`, in order. */
  readonly asked: MemoryOptions[] = [];
  /** All other calls, for example "pinRound miso 2 true". */
  readonly calls: string[] = [];
  readonly verifications: FakeVerify[] = [];
  /** Called with each verification as it begins. */
  onVerify: (verification: FakeVerify) => void = () => {};
  readonly listeners = new Set<(notice: EngineNotice) => void>();

  constructor(snapshot: MemorySnapshot) {
    this.snapshot = snapshot;
  }

  async memory(options: MemoryOptions = {}): Promise<MemorySnapshot> {
    this.asked.push(options);
    await this.gate;
    if (this.error) throw this.error;
    return options.withText ? withTexts(this.snapshot) : this.snapshot;
  }

  verify(
    chatId: string,
    roundId: number,
    options?: VerifyOptions,
  ): Promise<VerifyReport> {
    this.calls.push(`verify ${chatId} ${roundId}`);
    const verification = new FakeVerify(roundId, options);
    this.verifications.push(verification);
    this.onVerify(verification);
    return verification.outcome;
  }

  async pinRound(chatId: string, roundId: number, isPinned: boolean) {
    this.#note(`pinRound ${chatId} ${roundId} ${isPinned}`);
    this.#round(roundId, { isPinned });
  }

  async evictRound(chatId: string, roundId: number) {
    this.#note(`evictRound ${chatId} ${roundId}`);
    const round = this.snapshot.chat?.rounds.find(({ id }) => id === roundId);
    if (!round) return;
    const gone = { residentTokens: 0, gpuBytes: 0 };
    const { lower, upper } = round;
    this.#round(roundId, {
      lower: { ...lower, ...gone },
      upper: { ...upper, ...gone },
    });
  }

  async wipeKv(chatId?: string) {
    this.#note(`wipeKv ${chatId ?? "all"}`);
  }

  async deleteRound(
    chatId: string,
    roundId: number,
    { isFast = false }: { isFast?: boolean } = {},
  ): Promise<ChatHistory> {
    this.#note(
      `deleteRound ${chatId} ${roundId} ${isFast ? "fast" : "forget"}`,
    );
    const { chat } = this.snapshot;
    if (chat) {
      const parentId =
        chat.rounds.find(({ id }) => id === roundId)?.parentId ?? 0;
      const rounds = chat.rounds
        .filter(({ id }) => id !== roundId)
        .map((round) =>
          round.parentId === roundId ? { ...round, parentId } : round,
        );
      const shownIds = chat.shownIds.filter((id) => id !== roundId);
      this.snapshot = { ...this.snapshot, chat: { ...chat, rounds, shownIds } };
    }
    return keptChat(chatId, []);
  }

  onNotice(listener: (notice: EngineNotice) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(notice: EngineNotice): void {
    for (const listener of this.listeners) listener(notice);
  }

  #note(call: string): void {
    this.calls.push(call);
    if (this.error) throw this.error;
  }

  #round(roundId: number, part: object): void {
    const { chat } = this.snapshot;
    if (!chat) return;
    const rounds = chat.rounds.map((round) =>
      round.id === roundId ? { ...round, ...part } : round,
    );
    this.snapshot = { ...this.snapshot, chat: { ...chat, rounds } };
  }
}
