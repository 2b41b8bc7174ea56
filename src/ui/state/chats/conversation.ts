/**
 * One chat: its rounds, the text in its box, and what the engine knows it by. At most one of its rounds
 * is running. A new chat and one that was kept are the same thing: the first gets its name from the engine
 * with its first turn, the other one comes with it.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type {
  ChatHistory,
  ChatSummary,
  MessagePlace,
  SaidRound,
} from "../../../engine/api/chats";
import { asError } from "../../base/as-error";
import type { Attachment } from "./attachment";
import { joinedText, type Unsaid } from "./drafts";
import { isAmong, joined, type SentMessage } from "./history";
import {
  failRound,
  givenRound,
  isKept,
  isRunning,
  newRound,
  takeEvent,
  type Round,
  type RoundEdit,
} from "./round";
import { placesOf, type VersionWay } from "./round-place";
import type { SettingOptions } from "../settings/settings";

/** What new chats begin with. */
export interface Beginning {
  system: string | undefined;
  rounds: readonly SaidRound[];
}

export const EMPTY_BEGINNING: Beginning = { system: undefined, rounds: [] };

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
  /** Rounds that can't be read from the disk, or not in whole. */
  damagedRounds = 0;
  /** Whether the engine had it before, or has described it since. */
  isKept: boolean;
  /** What the model is told before all that is said. */
  system: string | undefined;
  /** Rounds of which the engine's memory is not exact yet. */
  healingRounds = 0;
  /** Documents on their way into it, in their order. */
  attachments: readonly Attachment[] = [];
  /** Whether the engine is about to say that it is another one now. */
  isChanging = false;
  /** Whether a message is being written down: until then it stands in its box. */
  isSending = false;
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
  /** Rounds that were shown, by the engine's names: one may come back with its branch. */
  readonly #remembered = new Map<number, Round>();
  #touchedMs: number;
  #beginning = EMPTY_BEGINNING;

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
    const first = this.rounds.find(({ message }) => message !== "");
    return given.trim() || (first?.document ?? first?.message ?? "");
  }

  /** When something was last said in it. */
  get updatedMs(): number {
    return Math.max(this.#touchedMs, this.summary?.updatedMs ?? 0);
  }

  get isEmpty(): boolean {
    return this.rounds.length === 0;
  }

  /** Whether nothing was ever said in it, but what it began with. */
  get isNew(): boolean {
    return this.rounds.every(({ isGiven }) => isGiven) && !this.isKept;
  }

  beganWith(beginning: Beginning): boolean {
    return this.#beginning === beginning;
  }

  /** Whether it can be had for a chat that begins with this. */
  canBeginWith(beginning: Beginning): boolean {
    return this.isNew && (this.beganWith(beginning) || !this.isBusy);
  }

  /** Has a new chat begin with this. Instructions that the user has given stay. */
  beginWith(beginning: Beginning): void {
    if (this.beganWith(beginning)) return;
    // What the engine has of it is nothing that was said, and is not kept.
    this.chatId = undefined;
    if (this.system === this.#beginning.system) this.system = beginning.system;
    this.#beginning = beginning;
    this.rounds = beginning.rounds.map((said) =>
      givenRound(this.#nextId(), said),
    );
  }

  /** The engine's name for it, once something was said in it: by this it is found again. */
  get address(): string | undefined {
    return this.isNew ? undefined : this.chatId;
  }

  get running(): Round | undefined {
    return this.rounds.find(isRunning);
  }

  /** Whether a reply, a document or a change is on its way, so that no other may begin. */
  get isBusy(): boolean {
    const { attachments, isChanging, isSending, running } = this;
    const isWaiting = running !== undefined || attachments.length > 0;
    return isWaiting || isChanging || isSending;
  }

  /** Whether a message may be sent. A change that is on its way does not hinder it: the message waits. */
  get maySend(): boolean {
    const { access, attachments, isSending, running } = this;
    const isWaiting = running !== undefined || attachments.length > 0;
    return access === "write" && !isWaiting && !isSending;
  }

  /** Whether what was said may be changed. */
  get mayChange(): boolean {
    return this.access === "write" && !this.isBusy;
  }

  find(roundId: number): Round | undefined {
    return this.rounds.find(({ id }) => id === roundId);
  }

  /** By the engine's name for it. */
  findKept(keptId: number): Round | undefined {
    return this.rounds.find((round) => round.keptId === keptId);
  }

  /**
   * Adds a round with this message.
   *
   * @param keptId the engine's name for it; undefined where there is no engine to keep it yet
   */
  append(message: string, keptId?: number): Round {
    const after = this.rounds.findLast(isKept);
    const afterId = after?.keptId ?? -1;
    const round = newRound(this.#nextId(), message, afterId, keptId);
    this.rounds = [...this.rounds, round];
    this.#touchedMs = Date.now();
    return round;
  }

  /** Where `message` is said in the place of a kept round, or above it. What follows stays, or gives way to it. */
  placeFor(roundId: number, way: VersionWay): MessagePlace | undefined {
    const place = placesOf(this.rounds).get(roundId);
    if (place === undefined) return undefined;
    const { behind } = place;
    const before = way === "insert" ? this.find(roundId)?.keptId : place.before;
    return { behind, ...(way !== "branch" && { before }) };
  }

  /** Notes what stands in the editor of a round; undefined closes it. */
  edit(roundId: number, edit: RoundEdit | undefined): void {
    const round = this.find(roundId);
    if (round === undefined) return;
    const { edit: _edit, error: _error, ...rest } = round;
    this.replace(edit === undefined ? rest : { ...rest, edit });
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
    if (text !== "") this.draft = joinedText([text, this.draft]);
  }

  takeSummary(summary: ChatSummary): void {
    this.summary = summary;
    this.isKept = true;
  }

  /** Shows what was kept. A message of an earlier page that was not kept goes back into the box. */
  takeHistory(history: ChatHistory): void {
    this.takeSummary(history.summary);
    this.access = history.access;
    this.damagedRounds = history.damagedRounds ?? 0;
    this.system = history.system;
    this.openError = undefined;
    this.#remember();
    const { rounds } = this;
    this.rounds = joined(rounds, history, this.#nextId, this.#remembered);
    const lost = this.#uncertain.filter(
      (sent) => !isAmong(sent, history.rounds),
    );
    this.#uncertain = [];
    this.putBack(lost.map(({ message }) => message).join("\n\n"));
  }

  /** What the user wrote here that the engine does not keep, as far as is known. */
  get unsaid(): Unsaid {
    const own = this.rounds.filter(
      (round) => round.phase !== "done" && !isKept(round),
    );
    const sent = own.map(({ message, afterId }) => ({ message, afterId }));
    const edits = this.rounds
      .filter(({ edit, message }) => edit && edit.text !== message)
      .map(({ edit }) => edit!.text);
    const { chatId } = this;
    const draft = joinedText([...edits, this.draft]);
    return { chatId, draft, sent: [...this.#uncertain, ...sent] };
  }

  /** Messages that the engine has kept, and that have no reply. */
  get unanswered(): readonly Round[] {
    return this.rounds.filter(
      (round) => isKept(round) && round.phase !== "done",
    );
  }

  /** Takes over what was written in an earlier page. */
  takeUnsaid({ draft, sent }: Unsaid): void {
    this.putBack(draft);
    this.#uncertain = [...this.#uncertain, ...sent];
  }

  #remember(): void {
    for (const round of this.rounds)
      if (isKept(round)) this.#remembered.set(round.keptId, round);
  }

  /** Has the engine begin it, unless it has done so. */
  async begin(engine: ChatEngine): Promise<string> {
    if (this.chatId !== undefined) return this.chatId;
    const { system } = this;
    const history = this.rounds
      .filter(({ isGiven }) => isGiven)
      .map(({ message, reply }) => ({ message, reply }));
    const chatId = await engine.createChat({
      ...(system !== undefined && { system }),
      ...(history.length > 0 && { history }),
    });
    this.chatId = chatId;
    // The engine has names for what the chat begins with.
    if (history.length > 0) {
      const begun = await engine.openChat(chatId);
      this.rounds = joined(this.rounds, begun, this.#nextId);
    }
    return chatId;
  }

  /**
   * Has the engine write a message down.
   *
   * @returns the engine's name for its round
   * @throws what the engine says
   */
  async keep(
    engine: ChatEngine,
    message: string,
    place?: MessagePlace,
  ): Promise<number> {
    const chatId = await this.begin(engine);
    return (await engine.addMessage(chatId, message, { place })).roundId;
  }

  /**
   * Has the engine answer the message of a round and takes in what comes, calling `changed` after each
   * step. Never throws: a reply that breaks off is a failed round.
   */
  async reply(
    engine: ChatEngine,
    roundId: number,
    { changed, ...options }: ReplyWays,
  ): Promise<Round | undefined> {
    const { signal } = options;
    const step = (next: (round: Round) => Round) => {
      const round = this.find(roundId);
      if (round !== undefined) this.replace(next(round));
      changed();
    };
    try {
      step((round) => ({ ...round, phase: "reading" }));
      const { keptId: known, message = "" } = this.find(roundId) ?? {};
      const keptId = known ?? (await this.keep(engine, message));
      step((round) => ({ ...round, keptId }));
      const chatId = await this.begin(engine);
      const events = engine.reply(chatId, keptId, options);
      for await (const event of events)
        step((round) => takeEvent(round, event));
      step((round) => {
        if (!isRunning(round)) return round;
        throw new Error("The reply's events ended before the reply did.");
      });
    } catch (error) {
      step((round) =>
        signal.aborted ? endEarly(round) : failRound(round, asError(error)),
      );
    }
    return this.find(roundId);
  }
}

/** How a reply is asked for. */
export interface ReplyWays extends SettingOptions {
  signal: AbortSignal;
  /** Whether a model that can thinks before it answers. */
  thinks: boolean;
  /** Called after each step. */
  changed: () => void;
}

/** A stopped round whose engine gave no receipt: what was said stays. */
function endEarly(round: Round): Round {
  const phase = round.reply === "" ? "unanswered" : "done";
  return { ...round, phase, ending: "stopped", isStopping: false };
}
