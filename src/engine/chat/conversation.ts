/**
 * A chat in memory: the system prompt's round, then a round for each message and its reply. Rounds form a tree,
 * for a message can have several versions; one branch of it is shown, and turns continue that one. It is the same
 * with and without a model; with one, bound-chat.ts gives its rounds tokens.
 */
import { SYSTEM_ROUND } from "../../memory/round";
import { idAfter } from "../../store/foreign";
import { newestBranch } from "../../store/round-tree";
import type { ToolDefinition } from "../../store/tools";
import type { RoundText } from "../api/chats";
import type { AttendedRound, RestoreReport } from "../api/receipt";
import { type ChatRound, isUnanswered, newChatRound } from "./chat-round";

export interface ConversationFields {
  id: string;
  system?: string | undefined;
  tools?: readonly ToolDefinition[] | undefined;
  /** The code whose chat it is, if it is not the user's. */
  owner?: string | undefined;
  createdMs?: number | undefined;
  /** Pinned rounds. */
  pinnedIds?: readonly number[] | undefined;
  /** The round whose branch is shown; undefined: the newest. */
  shownId?: number | undefined;
  /** Of all branches. */
  rounds?: readonly ChatRound[];
  /** All ids of rounds, deleted ones included, are below this. Default: one more than the highest. */
  nextId?: number | undefined;
}

/** Which rounds a turn attended to, and why, and the mass of each if it was measured. */
export interface LastAttention {
  attended: ReadonlyMap<number, AttendedRound["reason"]>;
  mass: ReadonlyMap<number, number> | undefined;
}

export class Conversation {
  readonly id: string;
  system: string | undefined;
  /** What the model may call; undefined for nothing. */
  tools: readonly ToolDefinition[] | undefined;
  readonly owner: string | undefined;
  readonly createdMs: number;
  /** Ids of pinned rounds. */
  readonly pinned: Set<number>;
  /** The attention of the last turn; undefined before the first one. */
  lastAttention: LastAttention | undefined;
  /** How lower halves were preloaded since the last turn: the next receipt reports it. */
  preloaded: RestoreReport | undefined;
  /** Rounds whose KV was restored since the last turn: the next receipt counts them. */
  readonly restored = new Set<ChatRound>();
  readonly #all = new Map<number, ChatRound>();
  #branch: ChatRound[] = [];
  #nextId: number;

  constructor({
    id,
    system,
    tools,
    owner,
    createdMs = Date.now(),
    pinnedIds = [],
    shownId,
    rounds = [],
    nextId = 0,
  }: ConversationFields) {
    this.id = id;
    this.system = system;
    this.tools = tools;
    this.owner = owner;
    this.createdMs = createdMs;
    this.pinned = new Set(pinnedIds);
    if (!rounds.some((round) => round.id === SYSTEM_ROUND))
      this.#all.set(SYSTEM_ROUND, systemRound());
    for (const round of rounds) this.#all.set(round.id, round);
    this.#nextId = Math.max(nextId, idAfter([...this.#all.keys()]));
    this.show(shownId);
  }

  /** Of all branches, in the order of their ids; the system prompt's first. */
  get all(): ChatRound[] {
    return [...this.#all.values()].sort((a, b) => a.id - b.id);
  }

  /** The shown branch; the system prompt's round first. */
  get branch(): readonly ChatRound[] {
    return this.#branch;
  }

  /** The rounds of the branch that a model reads: all except messages without a reply. */
  get rounds(): ChatRound[] {
    return this.#branch.filter((round) => !isUnanswered(round));
  }

  /** The system prompt's round. */
  get prefix(): ChatRound {
    return this.#all.get(SYSTEM_ROUND)!;
  }

  /** An id above those of all rounds, deleted ones included. */
  get nextId(): number {
    return this.#nextId;
  }

  /** An id for a new round. Ids count up and are never used again, even after a round was deleted. */
  takeId(): number {
    return this.#nextId++;
  }

  /** New rounds of what was said elsewhere, each behind the one before; they are not in the chat yet. */
  given(said: readonly RoundText[], behind: number): ChatRound[] {
    let parentId = behind;
    return said.map(({ message, reply, calls, results }) => {
      const id = this.takeId();
      const isFinished = true;
      const text = { user: message, reply, calls, results };
      const round = { id, parentId, ...text, isFinished };
      parentId = id;
      return newChatRound(round);
    });
  }

  get(id: number): ChatRound | undefined {
    return this.#all.get(id);
  }

  /** @throws RangeError if there is no such round */
  find(id: number): ChatRound {
    const round = this.#all.get(id);
    if (round !== undefined) return round;
    throw new RangeError(`There is no round ${id} in this chat.`);
  }

  /** What a model reads before this round of the branch. @throws RangeError if it is not in the branch */
  historyOf(round: ChatRound): ChatRound[] {
    const at = this.placeOf(round.id);
    return this.#branch.slice(0, at).filter((one) => !isUnanswered(one));
  }

  /** Adds rounds to the tree, and shows the branch that ends with the last one. */
  add(...rounds: readonly ChatRound[]): void {
    for (const round of rounds) {
      this.#all.set(round.id, round);
      this.#nextId = Math.max(this.#nextId, round.id + 1);
    }
    const last = rounds.at(-1);
    if (last !== undefined) this.show(last.id);
  }

  /** Pins these rounds and unpins all others. */
  pin(ids: Iterable<number>): void {
    const wanted = [...ids];
    this.pinned.clear();
    for (const id of wanted) this.pinned.add(id);
  }

  /** Shows the newest branch, of all or of those through a round. */
  show(through?: number): void {
    this.#branch = newestBranch(this.all, through);
  }

  /**
   * The round to show once these are deleted: the last one of the shown branch that stays; undefined where none
   * does, for the newest branch.
   */
  shownWithout(ids: readonly number[]): number | undefined {
    const last = this.#branch.findLast(({ id }) => !ids.includes(id));
    return last?.id === SYSTEM_ROUND ? undefined : last?.id;
  }

  /**
   * Removes a round from the tree: its children become its parent's. If it was the last one shown, another
   * version of it is shown, if there is one.
   */
  remove(id: number): void {
    const gone = this.#all.get(id);
    if (gone === undefined) return;
    const shownId = this.shownWithout([id]);
    this.#all.delete(id);
    this.pinned.delete(id);
    this.restored.delete(gone);
    for (const round of this.#all.values())
      if (round.parentId === id) round.parentId = gone.parentId;
    this.show(shownId);
  }

  /**
   * The place of a round in the shown branch.
   *
   * @throws RangeError if it is not in it
   */
  placeOf(id: number): number {
    const at = this.#branch.findIndex((round) => round.id === id);
    if (at < 0) throw new RangeError(`There is no round ${id} in this chat.`);
    return at;
  }

  /** Tokens that a model reads. */
  get tokenCount(): number {
    return this.rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }
}

function systemRound(): ChatRound {
  return newChatRound({ id: SYSTEM_ROUND, parentId: null, isFinished: true });
}
