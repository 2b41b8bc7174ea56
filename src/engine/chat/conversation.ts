/**
 * A chat as the engine keeps it: the system prompt's round, then a round for each message and its reply.
 * Rounds form a tree, for a message can be said in several versions; one branch of it is shown, and that
 * is what turns go on with.
 */
import { newRound, type Round } from "../../memory/round";
import { newestBranch } from "../../store/round-tree";
import type { KvPlace } from "../../store/rounds";
import type { AttendedRound, RestoreReport } from "../api/receipt";

/** A round with what was said in it. */
export interface ChatRound extends Round {
  /** The round that it follows; null for the system prompt's. */
  parentId: number | null;
  /** Empty for the system prompt's round. */
  readonly user: string;
  reply: string;
  /** The first so many tokens are the message's, up to where the reply begins. */
  openTokens: number;
  /** Ids of the rounds that its upper KV was computed against, beside the system prompt; null: all before it. */
  attended: readonly number[] | null;
  /** Whether its reply has ended. */
  isFinished: boolean;
  /** Whether its KV came from the store since the last turn. */
  isRestored: boolean;
  /** Of the keys in its lower half, once they were stored; see key-digest.ts. */
  pageDigest: Float32Array | undefined;
  /** What its KV was computed with (context-hash.ts); undefined where it has none, or where that is not known. */
  kvContext: string | undefined;
  /** Whether some of that was not exact: stale, or repaired in part. */
  isApproximate: boolean;
  /** Where its KV is stored, while it has none of its own. */
  kvFrom: KvPlace | undefined;
  /** Whether its pages hold KV that was repaired in part: not what is stored, and not to be stored. */
  isRepaired: boolean;
  /** The document's name, where it is one. */
  readonly document: string | undefined;
}

export interface NewChatRound {
  /** Default: one more than the highest so far. */
  id?: number;
  /** Default: the last one of the branch that is shown. */
  parentId?: number | null;
  user: string;
  reply?: string;
  tokens: readonly number[];
  openTokens?: number;
  attended?: readonly number[] | null;
  isFinished?: boolean;
  pageDigest?: Float32Array | undefined;
  kvContext?: string | undefined;
  isApproximate?: boolean | undefined;
  kvFrom?: KvPlace | undefined;
  document?: string | undefined;
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
  /** The branch that is shown; rounds[0] is the system prompt's. */
  readonly rounds: ChatRound[] = [];
  /** Ids of rounds that every turn attends to. */
  readonly pinned: Set<number>;
  /** What the last turn attended to; undefined until there was one. */
  lastAttention: LastAttention | undefined;
  /** Rounds up to this id are what it began with; without any, that is the system prompt's. */
  lastGivenId = 0;
  /** How lower halves came to the GPU before the next turn asked for them: its receipt says so. */
  warmed: RestoreReport | undefined;
  readonly #all = new Map<number, ChatRound>();

  constructor(
    id: string,
    system: string | undefined,
    createdMs: number = Date.now(),
    pinned: readonly number[] = [],
  ) {
    this.pinned = new Set(pinned);
    this.id = id;
    this.system = system;
    this.createdMs = createdMs;
  }

  /** Of all branches, in the order in which they were begun. */
  get all(): ChatRound[] {
    return [...this.#all.values()].sort((a, b) => a.id - b.id);
  }

  /** Adds a round behind those that are shown. Ids count up and are never used again within the chat. */
  add({
    id = Math.max(-1, ...this.#all.keys()) + 1,
    parentId = this.rounds.at(-1)?.id ?? null,
    user,
    reply = "",
    tokens,
    openTokens = tokens.length,
    attended = null,
    isFinished = false,
    pageDigest,
    kvContext,
    isApproximate = false,
    kvFrom,
    document,
  }: NewChatRound): ChatRound {
    const round = {
      ...newRound(id, tokens),
      parentId,
      user,
      reply,
      openTokens,
      attended,
      isFinished,
      isRestored: false,
      pageDigest,
      kvContext,
      isApproximate,
      kvFrom,
      isRepaired: false,
      document,
    };
    this.#all.set(id, round);
    this.rounds.push(round);
    return round;
  }

  /** Has turns attend to these rounds, and to no others in any case. */
  pin(ids: Iterable<number>): void {
    this.pinned.clear();
    for (const id of ids) this.pinned.add(id);
  }

  /** Takes the last round away, as if it had never been. */
  withdraw(): void {
    const round = this.rounds.pop();
    if (round) this.#all.delete(round.id);
  }

  /** Shows the newest branch, of all or of those through a round. */
  show(through?: number): void {
    this.rounds.splice(0, Infinity, ...newestBranch(this.all, through));
  }

  /** Shows the branch up to a round, and nothing behind it, so that another branch can begin there. */
  cutBehind(id: number): void {
    this.rounds.splice(this.placeOf(id) + 1);
  }

  /** Takes a round out of the tree: its children become its parent's. */
  remove(id: number): void {
    const gone = this.#all.get(id);
    this.#all.delete(id);
    this.pinned.delete(id);
    for (const round of this.#all.values())
      if (round.parentId === id) round.parentId = gone?.parentId ?? null;
    const at = this.rounds.findIndex((round) => round.id === id);
    if (at >= 0) this.rounds.splice(at, 1);
  }

  /**
   * Where a round stands in the branch that is shown.
   *
   * @throws RangeError where it does not
   */
  placeOf(id: number): number {
    const at = this.rounds.findIndex((round) => round.id === id);
    if (at < 0) throw new RangeError(`There is no round ${id} in this chat.`);
    return at;
  }

  get tokenCount(): number {
    return this.rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }
}
