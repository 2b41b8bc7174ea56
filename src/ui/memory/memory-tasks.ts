/** Runs the panel's tasks, one at a time, and reports failures. */
import type { MemorySource } from "../../engine/api/kv-memory";
import { asError } from "../base/as-error";
import { describeError } from "../base/describe-error";
import type { MemoryRequest } from "./base/memory-request";

/** Requests that change memory. */
export type MemoryTask = Extract<
  MemoryRequest,
  { type: "pin" | "evict" | "delete" | "wipe" }
>;

/** Announced when the task is done. */
const DONE: Record<MemoryTask["type"], string> = {
  pin: "Done.",
  evict: "Evicted.",
  delete: "Deleted.",
  wipe: "Forgotten.",
};

const FAILED: Record<MemoryTask["type"], string> = {
  pin: "The round could not be pinned or unpinned.",
  evict: "The round could not be taken off the GPU.",
  delete: "The round could not be deleted.",
  wipe: "KV could not be forgotten.",
};

export class MemoryTasks {
  readonly #changed: () => void;
  isBusy = false;
  /** The last failure, in words. */
  failure: string | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Returns the announcement. */
  async run(
    task: MemoryTask,
    source: MemorySource,
    chatId: string | undefined,
  ): Promise<string> {
    if (this.isBusy) return "";
    this.isBusy = true;
    this.failure = undefined;
    this.#changed();
    const error = await carryOut(task, source, chatId).then(
      () => undefined,
      asError,
    );
    this.isBusy = false;
    this.failure = error && failureText(FAILED[task.type], error);
    this.#changed();
    return this.failure ?? DONE[task.type];
  }

  dismiss(): void {
    this.failure = undefined;
    this.#changed();
  }
}

async function carryOut(
  task: MemoryTask,
  source: MemorySource,
  chatId: string | undefined,
): Promise<void> {
  if (task.type === "wipe")
    return source.wipeKv(task.scope === "all" ? undefined : chatId);
  if (chatId === undefined) return;
  const { roundId } = task;
  if (task.type === "pin")
    return source.pinRound(chatId, roundId, task.isPinned);
  if (task.type === "evict") return source.evictRound(chatId, roundId);
  await source.deleteRound(chatId, roundId, { isFast: task.isFast });
}

/** Uses the title of known errors, and the message of others. */
export function failureText(what: string, error: Error): string {
  const { detail, isKnown, title } = describeError(error);
  return `${what} ${isKnown ? `${title}.` : detail}`;
}
