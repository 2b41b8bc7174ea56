/**
 * The branches of a fake chat: what is shown, and what was said instead of it. A round in two branches is
 * one object, so that what grows in one grows in the other; where a branch goes another way, what follows
 * are copies with ids of their own, as in the engine.
 */
import type { HistoryRound } from "../../src/engine/api/chats";

type Branch = HistoryRound[];

export class FakeBranches {
  #hidden: Branch[] = [];
  #lastId = 0;

  /** One more than any id before. */
  nextId(shown: Branch): number {
    const ids = [shown, ...this.#hidden].flat().map(({ id }) => id);
    return (this.#lastId = Math.max(this.#lastId, ...ids) + 1);
  }

  /** The branch with the ids of all that were said in each place. */
  withVersions(shown: Branch): Branch {
    const all = [shown, ...this.#hidden];
    return shown.map((round, at) => {
      const before = shown[at - 1]?.id;
      const mates = all
        .filter((branch) => branch[at - 1]?.id === before)
        .flatMap((branch) => branch[at] ?? [])
        .filter((mate) => mate === round || !(mate.document ?? round.document));
      const versions = [...new Set(mates.map(({ id }) => id))].sort(
        (a, b) => a - b,
      );
      return { ...round, versions };
    });
  }

  /** Another branch: up to the round `behind`, then `round`, then copies from the round `before` on. */
  begun(
    shown: Branch,
    round: HistoryRound,
    behind: number,
    before?: number,
  ): Branch {
    return this.added(shown, [round], behind, before);
  }

  /** The same with any number of rounds. */
  added(
    shown: Branch,
    rounds: Branch,
    behind: number,
    before?: number,
  ): Branch {
    const head = shown.slice(0, placeBehind(shown, behind));
    const at = before === undefined ? shown.length : place(shown, before);
    const tail = shown.slice(at);
    this.#hide(shown);
    return this.#copied([...head, ...rounds], tail);
  }

  /** As it was before `begun`. */
  withdraw(branch: Branch): void {
    this.#hidden = this.#hidden.filter((hidden) => hidden !== branch);
  }

  /** The branch through a round in which something was said last. */
  shownThrough(shown: Branch, id: number): Branch {
    const found = [shown, ...this.#hidden]
      .filter((branch) => branch.some((round) => round.id === id))
      .sort((a, b) => (b.at(-1)?.id ?? 0) - (a.at(-1)?.id ?? 0))[0];
    if (found === undefined) throw noSuchRound(id);
    this.#hide(shown);
    this.withdraw(found);
    return found;
  }

  /** Without a round. What remains of the branch may be the beginning of another one, which is shown then. */
  without(shown: Branch, id: number): Branch {
    place(this.shownThrough(shown, id), id);
    this.withdraw(shown);
    const remove = (branch: Branch) => branch.filter((one) => one.id !== id);
    this.#hidden = this.#hidden.map(remove);
    const left = remove(shown);
    const last = left.at(-1);
    const longer = this.#hidden
      .filter(({ length }) => length > left.length)
      .find((branch) => left.every((round, at) => branch[at] === round));
    return longer === undefined || last === undefined
      ? left
      : this.shownThrough(left, last.id);
  }

  /** With a round in another place. */
  moved(shown: Branch, id: number, behind: number): Branch {
    const round = shown[place(shown, id)]!;
    const others = shown.filter((one) => one !== round);
    const at = placeBehind(others, behind);
    const ordered = others.toSpliced(at, 0, round);
    const same = ordered.findIndex((one, i) => one !== shown[i]);
    if (same < 0) return shown;
    this.#hide(shown);
    return this.#copied(ordered.slice(0, same), ordered.slice(same));
  }

  #hide(branch: Branch): void {
    this.#hidden = [...new Set([...this.#hidden, branch])];
  }

  #copied(head: Branch, tail: Branch): Branch {
    const branch = [...head];
    for (const round of tail)
      branch.push({ ...round, id: this.nextId(branch) });
    return branch;
  }
}

function placeBehind(branch: Branch, id: number): number {
  return id === 0 ? 0 : place(branch, id) + 1;
}

function place(branch: Branch, id: number): number {
  const at = branch.findIndex((round) => round.id === id);
  if (at < 0) throw noSuchRound(id);
  return at;
}

function noSuchRound(id: number): RangeError {
  return new RangeError(`There is no round ${id}.`);
}
