/**
 * One chat: its rounds, its draft, and its id in the engine. At most one round is running. A new chat gets its id
 * with its first turn; a saved one comes with it.
 */
import type { ChatEngine } from "../../../engine/api/chat-engine";
import type {
  ChatHistory,
  ChatSummary,
  MessageOptions,
  MessagePlace,
  RoundText,
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
  rounds: readonly RoundText[];
}

export const EMPTY_BEGINNING: Beginning = { system: undefined, rounds: [] };

export class Conversation {
  /** The page's own id, also before the engine assigns one. */
  readonly id: number;
  readonly #nextId: () => number;
  rounds: readonly Round[] = [];
  /** Typed and not sent. */
  draft = "";
  /** The engine's id, from its first turn on. */
  chatId: string | undefined;
  /** The engine's latest summary. */
  summary: ChatSummary | undefined;
  /** Whether it was in the engine's list: once listed, a missing chat is deleted. */
  isListed = false;
  /** A new title, until the engine lists it. */
  newTitle: string | undefined;
  /** Whether it was copied just now. */
  isCopied = false;
  /** "read" while another tab writes it. */
  access: ChatHistory["access"] = "write";
  /** Whether the engine has saved it. */
  isKept: boolean;
  /** The system prompt. */
  system: string | undefined;
  /** Rounds whose KV is not exact yet. */
  healingRounds = 0;
  /** Documents being attached, in order. */
  attachments: readonly Attachment[] = [];
  /** Whether a change is running. */
  isChanging = false;
  /** Whether a message is being saved: until then it stays in the box. */
  isSending = false;
  /** Rounds that can't be fully read from disk. */
  damagedRounds = 0;
  /** Why the saved chat can't be shown. */
  openError: Error | undefined;
  /** Stops the running round. */
  stop: () => void = () => {};
  /** Settles when no reply is running. */
  turn: Promise<void> = Promise.resolve();
  /** Settles when it is neither being opened nor closed. */
  visit: Promise<void> = Promise.resolve();
  /** Sent before a reload of this tab; the history shows whether they were saved. */
  #uncertain: readonly SentMessage[] = [];
  /** Rounds shown before, by the engine's ids: they may return with their branch. */
  readonly #remembered = new Map<number, Round>();
  #touchedMs: number;
  #beginning = EMPTY_BEGINNING;

  /** @param nextId makes a number that is unique on the page */
  constructor(nextId: () => number, chatId?: string) {
    this.id = nextId();
    this.#nextId = nextId;
    this.chatId = chatId;
    this.isKept = chatId !== undefined;
    this.#touchedMs = this.isKept ? 0 : Date.now();
  }

  /** Empty while it has no title. */
  get title(): string {
    const given = this.newTitle ?? this.summary?.title ?? "";
    const first = this.rounds.find(({ message }) => message !== "");
    return given.trim() || (first?.document ?? first?.message ?? "");
  }

  /** Time of the last message. */
  get updatedMs(): number {
    return Math.max(this.#touchedMs, this.summary?.updatedMs ?? 0);
  }

  get isEmpty(): boolean {
    return this.rounds.length === 0;
  }

  /** Whether it has no messages besides those it began with. */
  get isNew(): boolean {
    return this.rounds.every(({ isGiven }) => isGiven) && !this.isKept;
  }

  beganWith(beginning: Beginning): boolean {
    return this.#beginning === beginning;
  }

  /** Whether it can serve as the new chat that begins with this. */
  canBeginWith(beginning: Beginning): boolean {
    return this.isNew && (this.beganWith(beginning) || !this.isBusy);
  }

  /** Sets what this new chat begins with. Instructions of the user stay. */
  beginWith(beginning: Beginning): void {
    if (this.beganWith(beginning)) return;
    // The engine's chat has no messages and is not saved.
    this.chatId = undefined;
    if (this.system === this.#beginning.system) this.system = beginning.system;
    this.#beginning = beginning;
    this.rounds = beginning.rounds.map((said) =>
      givenRound(this.#nextId(), said),
    );
  }

  /** The engine's id, once it has messages: for the page's URL. */
  get address(): string | undefined {
    return this.isNew ? undefined : this.chatId;
  }

  get running(): Round | undefined {
    return this.rounds.find(isRunning);
  }

  /** Whether a reply, a document or a change is running, so that no other may start. */
  get isBusy(): boolean {
    const { attachments, isChanging, isSending, running } = this;
    const isWaiting = running !== undefined || attachments.length > 0;
    return isWaiting || isChanging || isSending;
  }

  /** Whether a message may be sent. It may during a change: the message waits. */
  get maySend(): boolean {
    const { access, attachments, isSending, running } = this;
    const isWaiting = running !== undefined || attachments.length > 0;
    return access === "write" && !isWaiting && !isSending;
  }

  /** Whether messages may be changed. */
  get mayChange(): boolean {
    return this.access === "write" && !this.isBusy;
  }

  find(roundId: number): Round | undefined {
    return this.rounds.find(({ id }) => id === roundId);
  }

  /** Finds a round by the engine's id. */
  findKept(keptId: number): Round | undefined {
    return this.rounds.find((round) => round.keptId === keptId);
  }

  /**
   * Adds a round with this message.
   *
   * @param keptId the engine's id; undefined where no engine has saved it yet
   */
  append(message: string, keptId?: number): Round {
    const after = this.rounds.findLast(isKept);
    const afterId = after?.keptId ?? -1;
    const round = newRound(this.#nextId(), message, afterId, keptId);
    this.rounds = [...this.rounds, round];
    this.#touchedMs = Date.now();
    return round;
  }

  /** The place for a new version of a saved round, or for a message above it. */
  placeFor(roundId: number, way: VersionWay): MessagePlace | undefined {
    const place = placesOf(this.rounds).get(roundId);
    if (place === undefined) return undefined;
    const { behind } = place;
    const before = way === "insert" ? this.find(roundId)?.keptId : place.before;
    return { behind, ...(way !== "branch" && { before }) };
  }

  /** Sets the text in a round's editor; undefined closes it. */
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

  /** Inserts `text` at the beginning of the box. */
  putBack(text: string): void {
    if (text !== "") this.draft = joinedText([text, this.draft]);
  }

  takeSummary(summary: ChatSummary): void {
    this.summary = summary;
    this.isKept = true;
  }

  /** Shows the saved rounds. A message sent before a reload that was not saved goes back into the box. */
  takeHistory(history: ChatHistory): void {
    this.takeSummary(history.summary);
    this.access = history.access;
    this.system = history.system;
    this.damagedRounds = history.damagedRounds ?? 0;
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

  /** The user's text here that the engine may not have saved. */
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

  /** Saved messages without a reply. */
  get unanswered(): readonly Round[] {
    return this.rounds.filter(
      (round) => isKept(round) && round.phase !== "done",
    );
  }

  /** Takes over text from before a reload. */
  takeUnsaid({ draft, sent }: Unsaid): void {
    this.putBack(draft);
    this.#uncertain = [...this.#uncertain, ...sent];
  }

  #remember(): void {
    for (const round of this.rounds)
      if (isKept(round)) this.#remembered.set(round.keptId, round);
  }

  /** Creates it in the engine, unless done already. */
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
    // The engine has assigned ids to the rounds that the chat begins with.
    if (history.length > 0) {
      const begun = await engine.openChat(chatId);
      this.rounds = joined(this.rounds, begun, this.#nextId);
    }
    return chatId;
  }

  /**
   * Has the engine save a message.
   *
   * @returns the engine's id of its round
   * @throws the engine's error
   */
  async keep(
    engine: ChatEngine,
    message: string,
    options?: MessageOptions,
  ): Promise<number> {
    const chatId = await this.begin(engine);
    return (await engine.addMessage(chatId, message, options)).roundId;
  }

  /**
   * Has the engine answer a round's message, and applies the events, calling `changed` after each. Never throws: an
   * error makes the round a failed one.
   */
  async reply(
    engine: ChatEngine,
    roundId: number,
    { changed, modelName, ...options }: ReplyWays,
  ): Promise<Round | undefined> {
    const { signal } = options;
    const step = (next: (round: Round) => Round) => {
      const round = this.find(roundId);
      if (round !== undefined) this.replace(next(round));
      changed();
    };
    try {
      step((round) => ({
        ...round,
        ...(modelName && { modelName }),
        phase: "reading",
      }));
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

/** Options of a reply. */
export interface ReplyWays extends SettingOptions {
  signal: AbortSignal;
  /** Whether the model thinks before it answers, if it can. */
  thinks: boolean;
  /** The model that replies, if known. */
  modelName: string | undefined;
  /** Called after each step. */
  changed: () => void;
}

/** A stopped round without a receipt: its text stays. */
function endEarly(round: Round): Round {
  const phase = round.reply === "" ? "unanswered" : "done";
  return { ...round, phase, ending: "stopped", isStopping: false };
}
