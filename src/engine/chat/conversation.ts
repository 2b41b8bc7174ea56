/**
 * A chat in memory: the system prompt's round, then a round for each message and its reply. Rounds form a
 * tree, for a message can be said in several versions; one branch of it is shown, and that is what turns go on
 * with. It is the same with and without a model; with one, bound-chat.ts gives its rounds tokens.
 */
import { SYSTEM_ROUND } from "../../memory/round";
import { newestBranch } from "../../store/round-tree";
import type { AttendedRound, RestoreReport } from "../api/receipt";
import { type ChatRound, isUnanswered, newChatRound } from "./chat-round";

export interface ConversationFields {
  id: string;
  system?: string | undefined;
  createdMs?: number | undefined;
  /** Rounds that every turn attends to. */
  pinnedIds?: readonly number[] | undefined;
  /** The round whose branch is shown; undefined: the newest. */
  shownId?: number | undefined;
  /** Of all branches. */
  rounds?: readonly ChatRound[];
  /** No round has this id or a higher one, nor had one that is deleted. Default: behind those there are. */
  nextId?: number | undefined;
}

/** Which rounds a turn attended to, and why; how its question's attention was spread, where that was asked. */
export interface LastAttention {
  attended: ReadonlyMap<number, AttendedRound["reason"]>;
  mass: ReadonlyMap<number, number> | undefined;
}

export class Conversation {
  readonly id: string;
  system: string | undefined;
  readonly createdMs: number;
  /** Ids of rounds that every turn attends to. */
  readonly pinned: Set<number>;
  /** What the last turn attended to; undefined until there was one. */
  lastAttention: LastAttention | undefined;
  /** How lower halves came to the GPU before the next turn asked for them: its receipt says so. */
  preloaded: RestoreReport | undefined;
  /** Rounds whose KV came from the store since the last turn: its receipt counts them. */
  readonly restored = new Set<ChatRound>();
  readonly #all = new Map<number, ChatRound>();
  #branch: ChatRound[] = [];
  #nextId: number;

  constructor({
    id,
    system,
    createdMs = Date.now(),
    pinnedIds = [],
    shownId,
    rounds = [],
    nextId = 0,
  }: ConversationFields) {
    this.id = id;
    this.system = system;
    this.createdMs = createdMs;
    this.pinned = new Set(pinnedIds);
    if (!rounds.some((round) => round.id === SYSTEM_ROUND))
      this.#all.set(SYSTEM_ROUND, systemRound());
    for (const round of rounds) this.#all.set(round.id, round);
    this.#nextId = Math.max(nextId, 1 + Math.max(...this.#all.keys()));
    this.show(shownId);
  }

  /** Of all branches, in the order in which they were begun; the system prompt's first. */
  get all(): ChatRound[] {
    return [...this.#all.values()].sort((a, b) => a.id - b.id);
  }

  /** The branch that is shown; the system prompt's round first. */
  get branch(): readonly ChatRound[] {
    return this.#branch;
  }

  /** Of the branch, what a model reads: all but messages that have no reply. */
  get rounds(): ChatRound[] {
    return this.#branch.filter((round) => !isUnanswered(round));
  }

  /** The system prompt's round. */
  get prefix(): ChatRound {
    return this.#all.get(SYSTEM_ROUND)!;
  }

  /** What no round has had for an id, and none below it will get. */
  get nextId(): number {
    return this.#nextId;
  }

  /** An id for a round that is to be added. Ids count up; none is used again, whatever becomes of the round. */
  takeId(): number {
    return this.#nextId++;
  }

  get(id: number): ChatRound | undefined {
    return this.#all.get(id);
  }

  /** @throws RangeError where there is no such round */
  find(id: number): ChatRound {
    const round = this.#all.get(id);
    if (round !== undefined) return round;
    throw new RangeError(`There is no round ${id} in this chat.`);
  }

  /** What a model reads before it reads this round of the branch. @throws RangeError where it is not there */
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

  /** Has turns attend to these rounds, and to no others in any case. */
  pin(ids: Iterable<number>): void {
    const wanted = [...ids];
    this.pinned.clear();
    for (const id of wanted) this.pinned.add(id);
  }

  /** Shows the newest branch, of all or of those through a round. */
  show(through?: number): void {
    this.#branch = newestBranch(this.all, through);
  }

  /** What is shown without these rounds: the newest branch through this one; undefined: the newest of all. */
  shownWithout(ids: readonly number[]): number | undefined {
    const last = this.#branch.findLast(({ id }) => !ids.includes(id));
    return last?.id === SYSTEM_ROUND ? undefined : last?.id;
  }

  /**
   * Takes a round out of the tree: its children become its parent's. Where it was shown last, another version
   * of it is shown, if there is one.
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
   * Where a round stands in the branch that is shown.
   *
   * @throws RangeError where it does not
   */
  placeOf(id: number): number {
    const at = this.#branch.findIndex((round) => round.id === id);
    if (at < 0) throw new RangeError(`There is no round ${id} in this chat.`);
    return at;
  }

  /** Tokens of what a model reads. */
  get tokenCount(): number {
    return this.rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }
}

function systemRound(): ChatRound {
  return newChatRound({ id: SYSTEM_ROUND, parentId: null, isFinished: true });
}
