/**
 * One chat of this page: its rounds, the text in its box, and the engine's name for it. At most one
 * of its rounds is running, and that is the last one.
 */
import type { ChatEngine } from "../engine/chat-engine";
import { failRound, isRunning, takeEvent, type Round } from "./round";

export class Conversation {
  readonly id: number;
  rounds: readonly Round[] = [];
  /** What has been typed and not sent. */
  draft = "";
  /** The engine's name for the chat, from its first turn on. */
  chatId: string | undefined;
  /** Stops the running round. */
  stop: () => void = () => {};

  constructor(id: number) {
    this.id = id;
  }

  get title(): string {
    return this.rounds[0]?.message ?? "New chat";
  }

  get isEmpty(): boolean {
    return this.rounds.length === 0;
  }

  get running(): Round | undefined {
    const last = this.rounds.at(-1);
    return last !== undefined && isRunning(last) ? last : undefined;
  }

  append(round: Round): void {
    this.rounds = [...this.rounds, round];
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
    this.draft = this.draft === "" ? text : `${text}\n\n${this.draft}`;
  }

  /** The chat that `chatId` names is gone: another model has taken the place of the one that read it. */
  forget(): void {
    if (this.chatId === undefined) return;
    this.chatId = undefined;
    this.rounds = this.rounds.map((round) =>
      isRunning(round) ? round : { ...round, isForgotten: true },
    );
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
        signal.aborted ? cutOff(round) : failRound(round, asError(error)),
      );
    }
    return this.rounds.find(({ id }) => id === roundId);
  }
}

/** A stopped round whose engine gave no receipt: what was said stays. */
function cutOff(round: Round): Round {
  const phase = round.reply === "" ? "unsent" : "done";
  return { ...round, phase, isStopping: false };
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
