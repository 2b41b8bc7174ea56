/** A MemorySource whose calls go to an engine of the inspected page; answers are validated. */
import type { ChatHistory } from "../engine/api/chats";
import type { EngineNotice } from "../engine/api/notice";
import type {
  MemoryOptions,
  MemorySource,
  VerifyOptions,
  VerifyReport,
} from "../engine/api/kv-memory";
import type { MemorySnapshot } from "../engine/api/memory-snapshot";
import type { SourceMethod } from "../ui/devtools/devtools-protocol";
import { historyFrom, reportFrom, snapshotFrom } from "./foreign";

/** Calls to one engine. */
export interface Line {
  /** @throws what the engine threw, by name and message; the signal's reason */
  call(
    method: SourceMethod,
    args: readonly unknown[],
    options?: VerifyOptions,
  ): Promise<unknown>;

  listen(listener: (notice: EngineNotice) => void): () => void;
}

export class RemoteMemorySource implements MemorySource {
  readonly #line: Line;

  constructor(line: Line) {
    this.#line = line;
  }

  async memory(options?: MemoryOptions): Promise<MemorySnapshot> {
    return snapshotFrom(await this.#line.call("memory", [options]));
  }

  async verify(
    chatId: string,
    roundId: number,
    options?: VerifyOptions,
  ): Promise<VerifyReport> {
    const answer = this.#line.call("verify", [chatId, roundId], options);
    return reportFrom(await answer);
  }

  async pinRound(
    chatId: string,
    roundId: number,
    isPinned: boolean,
  ): Promise<void> {
    await this.#line.call("pinRound", [chatId, roundId, isPinned]);
  }

  async evictRound(chatId: string, roundId: number): Promise<void> {
    await this.#line.call("evictRound", [chatId, roundId]);
  }

  async wipeKv(chatId?: string): Promise<void> {
    await this.#line.call("wipeKv", [chatId]);
  }

  async deleteRound(
    chatId: string,
    roundId: number,
    options?: { isFast?: boolean },
  ): Promise<ChatHistory> {
    const args = [chatId, roundId, options];
    return historyFrom(await this.#line.call("deleteRound", args));
  }

  onNotice(listener: (notice: EngineNotice) => void): () => void {
    return this.#line.listen(listener);
  }
}
