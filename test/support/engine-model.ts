/**
 * What a chat must be, in plain lists: what the engine is held against. It shares no code with src, knows no
 * pages, no store and no tokens, and is told of what was done once the engine says that it is done.
 */

export interface PlainRound {
  id: number;
  /** 0: none is before it. */
  parentId: number;
  message: string;
  reply: string;
  isFinished: boolean;
  /** Its name, where it is a document. */
  document?: string | undefined;
  /** Whether a reply is to come. */
  isAwaited: boolean;
}

/** A round as people see it. */
export interface PlainView {
  id: number;
  versions: number[];
  document: string | undefined;
  message: string;
  reply: string;
  isFinished: boolean;
  isPinned: boolean;
}

export class PlainChat {
  readonly id: string;
  title: string | undefined;
  system: string | undefined;
  readonly rounds = new Map<number, PlainRound>();
  readonly pinned = new Set<number>();
  /** Ids of the rounds that are shown, in order. */
  branch: number[] = [];
  /** All ids that a round has had. */
  readonly used = new Set<number>();
  /** Rounds that are on the disk, as far as the engine has said so. */
  readonly acknowledged = new Map<number, PlainRound>();
  #isKept = false;
  /** Whether something was said in it, and not only before it. */
  isWritten = false;

  constructor(id: string) {
    this.id = id;
  }

  /** Whether anything of it is on the disk. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** From now on it is called so, also once what was said first is deleted. */
  keep(): void {
    this.#isKept = true;
    this.isWritten = true;
    if (this.rounds.size > 0) this.title ??= this.shownTitle;
  }

  get shown(): PlainRound[] {
    return this.branch.map((id) => this.round(id));
  }

  round(id: number): PlainRound {
    const round = this.rounds.get(id);
    if (round === undefined) throw new Error(`the model has no round ${id}`);
    return round;
  }

  /** A message behind all others, or behind one, with what came later put behind it. */
  say(
    id: number,
    message: string,
    place?: { behind: number; before?: number | undefined },
  ): void {
    const later =
      place?.before === undefined
        ? []
        : this.shown.slice(this.branch.indexOf(place.before));
    const parentId = place ? place.behind : this.#lastRead();
    this.#add({ ...UNSAID, id, parentId, message, isAwaited: true });
    this.#copy(
      later,
      id,
      later.map((_, i) => id + 1 + i),
    );
    this.show(id + later.length);
    this.isWritten = true;
  }

  /**
   * Rounds with their replies behind one, with what came later put behind them.
   *
   * @param newIds of these rounds and of the copies behind them, in order
   */
  give(
    rounds: readonly { message: string; reply: string }[],
    { behind, before }: { behind: number; before?: number | undefined },
    newIds: readonly number[],
  ): void {
    const later =
      before === undefined ? [] : this.shown.slice(this.branch.indexOf(before));
    let parentId = behind;
    for (const [i, said] of rounds.entries()) {
      const id = newIds[i]!;
      this.#add({ ...UNSAID, ...said, isFinished: true, id, parentId });
      parentId = id;
    }
    this.#copy(later, parentId, newIds.slice(rounds.length));
    this.show(newIds.at(-1));
    this.isWritten = true;
  }

  attach(id: number, document: string, message: string, reply: string): void {
    const parentId = this.branch.at(-1) ?? 0;
    const said = { document, message, reply, isFinished: true };
    this.#add({ ...UNSAID, ...said, id, parentId });
    this.show(id);
    this.isWritten = true;
  }

  /** @param newIds of the rounds that stand in another place now, in order */
  move(id: number, behind: number, newIds: readonly number[]): void {
    const before = [...this.branch];
    const after = before.filter((one) => one !== id);
    after.splice(behind === 0 ? 0 : after.indexOf(behind) + 1, 0, id);
    const first = after.findIndex((one, i) => one !== before[i]);
    if (first < 0) return;
    const later = after.slice(first).map((one) => this.round(one));
    if (later.length !== newIds.length)
      throw new Error(
        `${later.length} rounds move, new are [${newIds.join()}]`,
      );
    this.#copy(later, before[first - 1] ?? 0, newIds);
    this.show(newIds.at(-1));
    this.isWritten = true;
  }

  /** Takes a round out, with its copies on branches that are not shown unless `isFast`. */
  delete(id: number, isFast: boolean): void {
    const { message, reply } = this.round(id);
    const copies = [...this.rounds.values()].filter(
      (one) =>
        !this.branch.includes(one.id) &&
        one.message === message &&
        one.reply === reply,
    );
    for (const gone of isFast ? [id] : [id, ...copies.map((one) => one.id)]) {
      const { parentId } = this.round(gone);
      this.rounds.delete(gone);
      this.pinned.delete(gone);
      for (const one of this.rounds.values())
        if (one.parentId === gone) one.parentId = parentId;
      this.show(this.branch.findLast((one) => one !== gone));
    }
  }

  /** Shows the branch through a round that goes on the furthest, by ids; without one the newest of all. */
  show(through?: number): void {
    let id = Math.max(0, ...this.rounds.keys());
    if (through !== undefined && this.rounds.has(through)) {
      const family = new Set([through]);
      for (const one of [...this.rounds.keys()].sort((a, b) => a - b))
        if (family.has(this.round(one).parentId)) family.add(one);
      id = Math.max(...family);
    }
    const branch: number[] = [];
    for (; id !== 0; id = this.round(id).parentId) branch.unshift(id);
    this.branch = branch;
  }

  /** As somebody named it, else what was said first. */
  get shownTitle(): string {
    const first = Math.min(...this.rounds.keys());
    const round = this.rounds.get(first);
    return this.title ?? round?.document ?? round?.message ?? "";
  }

  /** A round is to be deleted, with its copies: from now on it may be gone. */
  mayLose(id: number): void {
    const gone = this.round(id).message;
    for (const [one, { message }] of this.acknowledged)
      if (message === gone) this.acknowledged.delete(one);
  }

  /** All of it is on the disk. */
  acknowledge(): void {
    this.acknowledged.clear();
    for (const [id, round] of this.rounds)
      this.acknowledged.set(id, { ...round });
    this.keep();
  }

  /**
   * Becomes what the disk has, where that may be another state than the last one that was told of.
   *
   * @param said all that was ever said in it
   */
  takeOver(found: PlainChat, said: ReadonlySet<string>): void {
    for (const [id, { message, reply, isFinished }] of this.acknowledged) {
      const round = found.rounds.get(id);
      if (round?.message !== message)
        throw new Error(`round ${id}, which was kept, is ${round?.message}`);
      if (isFinished && round.reply !== reply)
        throw new Error(`the reply of ${id}, which was kept, is another one`);
    }
    for (const { id, message } of found.rounds.values())
      if (!said.has(message))
        throw new Error(`round ${id} says "${message}", which nobody said`);
    for (const id of this.used)
      if (!this.acknowledged.has(id)) this.used.delete(id);
    this.rounds.clear();
    for (const [id, round] of found.rounds) {
      this.rounds.set(id, round);
      this.used.add(id);
    }
    this.pinned.clear();
    for (const id of found.pinned) this.pinned.add(id);
    this.title = found.title || undefined;
    this.system = found.system;
    this.branch = found.branch;
    this.acknowledge();
    this.keep();
  }

  view(): PlainView[] {
    return this.shown.map((round) => {
      const { id, document, message, reply, isFinished } = round;
      const versions = [...this.rounds.values()]
        .filter((one) => one.parentId === round.parentId)
        .filter((one) => one.document === undefined)
        .map((one) => one.id)
        .sort((a, b) => a - b);
      return {
        id,
        versions: document === undefined ? versions : [id],
        document,
        message,
        reply,
        isFinished,
        isPinned: this.pinned.has(id),
      };
    });
  }

  /** The last round that is read, or will be: what is said next is said behind it. */
  #lastRead(): number {
    const isRead = (round: PlainRound) =>
      round.isAwaited || round.isFinished || round.reply !== "";
    return this.shown.findLast(isRead)?.id ?? 0;
  }

  #copy(
    rounds: readonly PlainRound[],
    behind: number,
    ids: readonly number[],
  ): void {
    let parentId = behind;
    for (const [i, round] of rounds.entries()) {
      const id = ids[i]!;
      this.#add({ ...round, id, parentId, isAwaited: false });
      if (this.pinned.has(round.id)) this.pinned.add(id);
      parentId = id;
    }
  }

  #add(round: PlainRound): void {
    const { id } = round;
    if (this.used.has(id)) throw new Error(`id ${id} is used again`);
    this.used.add(id);
    this.rounds.set(id, round);
  }
}

const UNSAID = {
  message: "",
  reply: "",
  isFinished: false,
  isAwaited: false,
};
