/**
 * One chat: its rounds, the text in its box, and what the engine knows it by. At most one of its rounds
 * is running, and that is the last one. A new chat and one that was kept are the same thing: the first
 * gets its name from the engine with its first turn, the other one comes with it.
 */
import type {
  ChatEngine,
  ChatHistory,
  ChatSummary,
} from "../engine/chat-engine";
import type { Unsaid } from "./drafts";
import { isAmong, joined, type SentMessage } from "./history";
import { failRound, isRunning, newRound, takeEvent, type Round } from "./round";

export class Conversation {
  /** The page's name for it, also before the engine has one. */
  readonly id: number;
  readonly #nextId: () => number;
  rounds: readonly Round[] = [];
  /** What has been typed and not sent. */
  draft = "";
  /** The engine's name for it, from its first turn on. */
  chatId: string | undefined;
  /** As the engine described it last. */
  summary: ChatSummary | undefined;
  /** Whether it was in the engine's list: from then on it is gone when it is not. */
  isListed = false;
  /** What the user has just called it; until it is listed so. */
  newTitle: string | undefined;
  /** Whether another tab writes it, so that this one may only read. */
  access: ChatHistory["access"] = "write";
  /** Whether the engine had it before, or has described it since. */
  isKept: boolean;
  /** Why what was kept cannot be shown. */
  openError: Error | undefined;
  /** Stops the running round. */
  stop: () => void = () => {};
  /** Settled while no reply is coming. */
  turn: Promise<void> = Promise.resolve();
  /** Settled while it is neither being opened nor left. */
  visit: Promise<void> = Promise.resolve();
  /** Sent from an earlier page of this tab, perhaps in vain: the history will tell. */
  #uncertain: readonly SentMessage[] = [];
  #touchedMs: number;

  /** @param nextId makes a number that nothing else on the page has */
  constructor(nextId: () => number, chatId?: string) {
    this.id = nextId();
    this.#nextId = nextId;
    this.chatId = chatId;
    this.isKept = chatId !== undefined;
    this.#touchedMs = this.isKept ? 0 : Date.now();
  }

  /** Empty where nobody has said yet what it is. */
  get title(): string {
    const given = this.newTitle ?? this.summary?.title ?? "";
    return given.trim() || (this.rounds[0]?.message ?? "");
  }

  /** When something was last said in it. */
  get updatedMs(): number {
    return Math.max(this.#touchedMs, this.summary?.updatedMs ?? 0);
  }

  get isEmpty(): boolean {
    return this.rounds.length === 0;
  }

  /** Whether nothing was ever said in it. */
  get isNew(): boolean {
    return this.isEmpty && !this.isKept;
  }

  /** The engine's name for it, once something was said in it: by this it is found again. */
  get address(): string | undefined {
    return this.isNew ? undefined : this.chatId;
  }

  get running(): Round | undefined {
    const last = this.rounds.at(-1);
    return last !== undefined && isRunning(last) ? last : undefined;
  }

  get mayWrite(): boolean {
    return this.access === "write" && this.running === undefined;
  }

  /** Adds a round with this message. */
  append(message: string): Round {
    const afterId = this.rounds.findLast(({ keptId }) => keptId !== undefined);
    const round = newRound(this.#nextId(), message, afterId?.keptId ?? -1);
    this.rounds = [...this.rounds, round];
    this.#touchedMs = Date.now();
    return round;
  }

  replace(round: Round): void {
    this.rounds = this.rounds.map((old) => (old.id === round.id ? round : old));
  }

  /** Takes a round out and returns it. */
  take(roundId: number): Round | undefined {
    const taken = this.rounds.find(({ id }) => id === roundId);
    this.rounds = this.rounds.filter((round) => round !== taken);
    return taken;
  }

  /** Puts `text` into the box, before what stands there. */
  putBack(text: string): void {
    if (text === "") return;
    this.draft = this.draft === "" ? text : `${text}\n\n${this.draft}`;
  }

  takeSummary(summary: ChatSummary): void {
    this.summary = summary;
    this.isKept = true;
  }

  /** Shows what was kept. A message of an earlier page that was not kept goes back into the box. */
  takeHistory(history: ChatHistory): void {
    this.takeSummary(history.summary);
    this.access = history.access;
    this.openError = undefined;
    this.rounds = joined(this.rounds, history, this.#nextId);
    const lost = this.#uncertain.filter(
      (sent) => !isAmong(sent, history.rounds),
    );
    this.#uncertain = [];
    this.putBack(lost.map(({ message }) => message).join("\n\n"));
  }

  /** What the user wrote here that the engine does not keep, as far as is known. */
  get unsaid(): Unsaid {
    const own = this.rounds.filter(({ phase }) => phase !== "done");
    const sent = own.map(({ message, afterId }) => ({ message, afterId }));
    const { chatId, draft } = this;
    return { chatId, draft, sent: [...this.#uncertain, ...sent] };
  }

  /** Takes over what was written in an earlier page. */
  takeUnsaid({ draft, sent }: Unsaid): void {
    this.putBack(draft);
    this.#uncertain = [...this.#uncertain, ...sent];
  }

  /**
   * Sends the message of a round to the engine and takes in what comes, calling `changed` after each
   * step. Never throws: a reply that breaks off is a failed round.
   */
  async reply(
    engine: ChatEngine,
    roundId: number,
    signal: AbortSignal,
    changed: () => void,
  ): Promise<Round | undefined> {
    const step = (next: (round: Round) => Round) => {
      const round = this.rounds.find(({ id }) => id === roundId);
      if (round !== undefined) this.replace(next(round));
      changed();
    };
    try {
      step((round) => ({ ...round, phase: "reading" }));
      this.chatId ??= await engine.createChat();
      const message = this.rounds.find(({ id }) => id === roundId)?.message;
      const events = engine.chat(this.chatId, message ?? "", { signal });
      for await (const event of events)
        step((round) => takeEvent(round, event));
      step((round) => {
        if (!isRunning(round)) return round;
        throw new Error("The reply ended without saying why.");
      });
    } catch (error) {
      step((round) =>
        signal.aborted ? endEarly(round) : failRound(round, asError(error)),
      );
    }
    return this.rounds.find(({ id }) => id === roundId);
  }
}

/** A stopped round whose engine gave no receipt: what was said stays. */
function endEarly(round: Round): Round {
  const isUnsent = round.reply === "";
  const phase = isUnsent ? "unsent" : "done";
  return { ...round, phase, ending: "stopped", isStopping: false };
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
