// Who has pages, who keeps them, and who gives them up for whom; the GPU is a fake that only keeps books.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pins, Residency } from "../../src/memory/residency";
import { clearRound, newRound, type Round } from "../../src/memory/round";
import { type Half, HALVES } from "../../src/util/kv-half";
import { OutOfMemoryError } from "../../src/util/errors";
import { fakeCache } from "../support/fake-gpu";

/** Rounds of one page each, with ids 0, 1, 2, ... */
function roundsOf(count: number, tokens = 16): Round[] {
  return Array.from({ length: count }, (_, id) =>
    newRound(id, new Array<number>(tokens).fill(7)),
  );
}

/** Four rounds of a page, all in both halves, given in order. */
async function fourRounds() {
  const residency = new Residency(fakeCache({ lower: 4, upper: 4 }));
  const rounds = roundsOf(4);
  for (const round of rounds)
    for (const half of HALVES) await residency.give(round, half);
  const withPages = (half: Half) =>
    rounds.filter((one) => one[half].pages.length > 0).map(({ id }) => id);
  return { residency, rounds, withPages };
}

const lowerPages = (lower: number) => ({ lower, upper: 0 });

describe("what goes when pages are wanted", () => {
  test("the halves that were not used for longest, and no more of them than needed", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    residency.use(rounds[0]!, "lower");
    await residency.makeRoom(lowerPages(2));
    expect(withPages("lower")).toEqual([0, 3]);
  });

  test("each half by its own use", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    residency.use(rounds[0]!, "upper");
    await residency.makeRoom({ lower: 1, upper: 1 });
    expect(withPages("lower")).toEqual([1, 2, 3]);
    expect(withPages("upper")).toEqual([0, 2, 3]);
  });

  test("to give a half its pages again is to use it", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    await residency.give(rounds[1]!, "lower");
    await residency.makeRoom(lowerPages(3));
    expect(withPages("lower")).toEqual([1]);
  });

  test("a half without pages is of no use, and is not made room for", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    residency.drop(rounds[3]!, "lower");
    residency.use(rounds[3]!, "lower");
    await residency.makeRoom(lowerPages(1));
    expect(withPages("lower")).toEqual([0, 1, 2]);
    residency.check();
  });

  test("its tokens are then without KV, and its other half stays", async () => {
    const { residency, rounds } = await fourRounds();
    for (const half of HALVES) rounds[0]![half].computedTokens = 16;
    await residency.makeRoom(lowerPages(1));
    expect(rounds[0]!.lower).toMatchObject({ pages: [], computedTokens: 0 });
    expect(rounds[0]!.upper).toMatchObject({ computedTokens: 16 });
    expect(rounds[0]!.upper.pages).toHaveLength(1);
  });
});

describe("pages of one half", () => {
  test("a round that grows keeps what it has, though it was not used for longest", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    const [first] = rounds as [Round];
    first.lower.computedTokens = 16;
    const [page] = first.lower.pages;
    await residency.give(first, "lower", 17);
    expect(first.lower.pages).toHaveLength(2);
    expect(first.lower.pages[0]).toBe(page);
    expect(withPages("lower")).toEqual([0, 2, 3]);
    expect(residency.isPinned(first, "lower")).toBe(false);
  });

  test("a round is not given fewer pages than it has KV for", async () => {
    const residency = new Residency(fakeCache({ lower: 4, upper: 4 }));
    const [round] = roundsOf(1, 40) as [Round];
    await residency.give(round, "lower");
    round.lower.computedTokens = 40;
    await residency.give(round, "lower", 16);
    expect(round.lower.pages).toHaveLength(3);
  });

  test("what holds no KV is trimmed away", async () => {
    const residency = new Residency(fakeCache({ lower: 4, upper: 4 }));
    const [round, empty] = roundsOf(2, 20) as [Round, Round];
    await residency.give(round, "lower", 64);
    round.lower.computedTokens = 17;
    residency.trim(round, "lower");
    expect(round.lower.pages).toHaveLength(2);
    await residency.give(empty, "lower");
    residency.trim(empty, "lower");
    expect(empty.lower.pages).toEqual([]);
    residency.check();
  });

  test("bytes are those of whole pages", async () => {
    const { residency, rounds } = await fourRounds();
    const { pageBytes } = residency.cache.lower;
    expect(residency.bytesFor(17, "lower")).toBe(2 * pageBytes);
    expect(residency.bytesOf(rounds.slice(1), "lower")).toBe(3 * pageBytes);
  });
});

describe("what is pinned", () => {
  test("stays, and the next one goes in its place", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    residency.pin(rounds[0]!, "lower");
    await residency.makeRoom({ lower: 1, upper: 1 });
    expect(withPages("lower")).toEqual([0, 2, 3]);
    // Only that half of it is pinned.
    expect(withPages("upper")).toEqual([1, 2, 3]);
  });

  test("stays until all who pinned it have let go", async () => {
    const { residency, rounds } = await fourRounds();
    const [first] = rounds as [Round];
    const [one, other] = [new Pins(residency), new Pins(residency)];
    one.add(first, "lower");
    one.add(first, "lower");
    other.add(first, "lower");
    one.release();
    expect(residency.isPinned(first, "lower")).toBe(true);
    other.release();
    expect(residency.isPinned(first, "lower")).toBe(false);
    // A second release lets go of nobody else's.
    residency.pin(first, "lower");
    one.release();
    expect(residency.isPinned(first, "lower")).toBe(true);
  });

  test("is let go of once for each time it is removed, and only by who pinned it", async () => {
    const { residency, rounds } = await fourRounds();
    const [first] = rounds as [Round];
    const [one, other] = [new Pins(residency), new Pins(residency)];
    one.add(first, "lower");
    one.add(first, "lower");
    other.remove(first, "lower");
    one.remove(first, "upper");
    one.remove(first, "lower");
    expect(residency.isPinned(first, "lower")).toBe(true);
    one.release();
    expect(residency.isPinned(first, "lower")).toBe(false);
  });

  test("is not dropped", async () => {
    const { residency, rounds } = await fourRounds();
    residency.pin(rounds[2]!, "upper");
    expect(() => residency.drop(rounds[2]!, "upper")).toThrow(
      "round 2: its upper half is pinned",
    );
    expect(rounds[2]!.upper.pages).toHaveLength(1);
    residency.check();
  });

  test("is not there for others, and is for those who ask for it", async () => {
    const { residency, rounds } = await fourRounds();
    residency.pin(rounds[0]!, "lower");
    residency.pin(rounds[1]!, "lower");
    expect(residency.availablePages("lower", [])).toBe(2);
    expect(residency.availablePages("lower", [rounds[1]!])).toBe(3);
    expect(residency.availablePages("upper", [])).toBe(4);
  });

  test("may be all there is: then the turn is refused, and everything stays", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    for (const round of rounds) residency.pin(round, "lower");
    const [more] = roundsOf(1) as [Round];
    const given = residency.give(more, "lower");
    await expect(given).rejects.toBeInstanceOf(OutOfMemoryError);
    await expect(given).rejects.toThrow("holds 4 pages of 16 tokens");
    expect(withPages("lower")).toEqual([0, 1, 2, 3]);
    expect(residency.isPinned(more, "lower")).toBe(false);
    residency.check();
  });
});

describe("transfers that are under way", () => {
  test("are waited for when what they pin is wanted", async () => {
    const { residency, rounds, withPages } = await fourRounds();
    const pins = new Pins(residency);
    for (const round of rounds) pins.add(round, "lower");
    let finish = () => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let asked = 0;
    residency.transfersDone = () => {
      asked++;
      return finished;
    };
    const room = residency.makeRoom(lowerPages(1));
    expect(asked).toBe(1);
    expect(withPages("lower")).toEqual([0, 1, 2, 3]);
    pins.release();
    finish();
    await room;
    expect(withPages("lower")).toEqual([1, 2, 3]);
  });

  test("are not waited for where there is room without", async () => {
    const { residency, rounds } = await fourRounds();
    residency.pin(rounds[0]!, "lower");
    residency.transfersDone = () => Promise.reject(new Error("nobody asked"));
    await residency.makeRoom(lowerPages(3));
    expect(residency.cache.roomFor("lower")).toBe(3);
  });
});

describe("a check", () => {
  test("passes where all used pages are those of known rounds", async () => {
    const { residency } = await fourRounds();
    expect(() => residency.check()).not.toThrow();
  });

  test("finds a page that nobody has", async () => {
    const { residency, rounds } = await fourRounds();
    rounds[1]!.upper.pages.pop();
    expect(() => residency.check()).toThrow(
      "upper pages: 1 in use have no owner",
    );
  });

  test("finds a page that was taken past it", async () => {
    const residency = new Residency(fakeCache({ lower: 4, upper: 4 }));
    await residency.makeRoom(lowerPages(1));
    residency.cache.lower.pool.take();
    expect(() => residency.check()).toThrow(
      "lower pages: 1 in use have no owner",
    );
  });

  test("finds a page that two rounds have", async () => {
    const { residency, rounds } = await fourRounds();
    rounds[1]!.lower.pages.push(rounds[0]!.lower.pages[0]!);
    expect(() => residency.check()).toThrow("lower pages: 1 are owned twice");
  });

  test("finds a half that is pinned and has no pages", async () => {
    const { residency, rounds } = await fourRounds();
    residency.pin(rounds[1]!, "lower");
    expect(residency.faults()).toEqual([]);
    rounds[1]!.lower.pages.length = 0;
    expect(residency.faults()).toEqual([
      "lower pages: 1 in use have no owner",
      "1 pinned halves have no pages",
    ]);
  });

  test("that has failed is followed by order: only rounds that were concerned lose what they had", async () => {
    const { residency, rounds } = await fourRounds();
    const [one, two, three] = rounds;
    two!.lower.pages.splice(0, 1, one!.lower.pages[0]!);
    residency.pin(two!, "lower");
    three!.upper.pages.push(77);
    expect(residency.faults().length).toBeGreaterThan(0);
    residency.recover();
    residency.unpin(two!, "lower");
    expect(residency.faults()).toEqual([]);
    expect(one!.lower).toMatchObject({ pages: [], computedTokens: 0 });
    expect(two!.lower).toMatchObject({ pages: [], computedTokens: 0 });
    expect(three!.upper.pages).toEqual([]);
    expect(one!.upper.pages).toHaveLength(1);
    expect(three!.lower.pages).toHaveLength(1);
  });
});

describe("pages", () => {
  test("go back to the pool that they are from, whoever takes them away", async () => {
    const { residency, rounds } = await fourRounds();
    const other = new Residency(fakeCache({ lower: 4, upper: 4 }));
    const stranger = newRound(9, [1]);
    await other.give(stranger, "lower");
    const [round] = rounds;
    expect(() => other.drop(round!, "lower")).toThrow("of another pool");
    await expect(other.give(round!, "lower")).rejects.toThrow("another pool");
    clearRound(round!);
    for (const one of [residency, other]) one.check();
    expect(other.cache.lower.usedPages).toBe(1);
    expect(residency.cache.lower.usedPages).toBe(3);
    // Without pages a round is nobody's.
    await other.give(round!, "lower");
    expect(other.cache.lower.usedPages).toBe(2);
  });

  test("of a pool that is gone are nobody's", async () => {
    const { residency, rounds } = await fourRounds();
    residency.release();
    const other = new Residency(fakeCache({ lower: 4, upper: 4 }));
    for (const round of rounds) {
      expect(round.lower).toMatchObject({ pages: [], computedTokens: 0 });
      await other.give(round, "lower");
    }
    other.check();
  });

  test("that somebody reads stay when their content is of no use any more, until they are wanted", async () => {
    const { residency, rounds } = await fourRounds();
    const [round] = rounds;
    residency.pin(round!, "lower");
    clearRound(round!);
    expect(round!.lower.pages).toHaveLength(1);
    expect(round!.lower.computedTokens).toBe(0);
    expect(round!.upper.pages).toEqual([]);
    residency.unpin(round!, "lower");
    const next = newRound(9, [1]);
    await residency.give(next, "lower");
    expect(round!.lower.pages).toEqual([]);
    residency.check();
  });
});

const LIMITS = { lower: 9, upper: 5 };
const SIZES = [3, 16, 17, 40, 64, 90];

/** What may be done to a half of a round; `amount` says how much of it. */
const operation = fc.record({
  kind: fc.constantFrom(
    ...(["give", "use", "drop", "compute", "trim", "pin", "unpin"] as const),
    "make room",
  ),
  which: fc.nat(SIZES.length - 1),
  half: fc.constantFrom(...HALVES),
  amount: fc.nat(40),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Six rounds, and how often each half is pinned. */
class Scene {
  readonly residency = new Residency(fakeCache(LIMITS));
  readonly rounds = SIZES.map((size, id) =>
    newRound(id, new Array<number>(size).fill(7)),
  );
  readonly pins = SIZES.map(() => ({ lower: 0, upper: 0 }));

  /** Pages and pins of all halves. */
  halves(half: Half) {
    return this.rounds.map((round, i) => ({
      pages: [...round[half].pages],
      isPinned: this.pins[i]![half] > 0,
    }));
  }

  async carryOut({ kind, which, half, amount }: Operation): Promise<void> {
    const { residency } = this;
    const round = this.rounds[which]!;
    const kv = round[half];
    const pins = this.pins[which]!;
    if (kind === "give") {
      const given = residency.give(round, half, round.tokens.length + amount);
      await given.catch(refusal);
    } else if (kind === "make room") {
      const pages = amount % 10;
      const made = residency.makeRoom({ lower: 0, upper: 0, [half]: pages });
      const isRefused = await made.then(() => false, refusal);
      const { freePages } = residency.cache[half].pool;
      if (!isRefused) expect(freePages).toBeGreaterThanOrEqual(pages);
    } else if (kind === "use") {
      residency.use(round, half);
    } else if (kind === "compute") {
      const most = Math.min(round.tokens.length, 16 * kv.pages.length);
      kv.computedTokens = Math.min(most, 2 * amount);
    } else if (kind === "trim") {
      residency.trim(round, half);
    } else if (kind === "pin") {
      residency.pin(round, half);
      pins[half]++;
    } else if (kind === "unpin") {
      if (pins[half] > 0) residency.unpin(round, half);
      pins[half] = Math.max(0, pins[half] - 1);
    } else if (pins[half] > 0) {
      expect(() => residency.drop(round, half)).toThrow("is pinned");
    } else {
      residency.drop(round, half);
      expect(kv).toMatchObject({ pages: [], computedTokens: 0 });
    }
  }
}

/** The only error that asking for pages may end with. */
function refusal(error: unknown): true {
  expect(error).toBeInstanceOf(OutOfMemoryError);
  return true;
}

test("whatever is done, free + used = all, no page has two owners, and what is pinned keeps its pages", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 80 }), async (script) => {
      const scene = new Scene();
      const { residency, rounds } = scene;
      for (const one of script) {
        const before = {
          lower: scene.halves("lower"),
          upper: scene.halves("upper"),
        };
        await scene.carryOut(one);
        residency.check();
        for (const half of HALVES) {
          const { pool, usedPages } = residency.cache[half];
          const owned = rounds.flatMap((round) => round[half].pages);
          expect(new Set(owned).size).toBe(owned.length);
          expect(owned.length).toBe(usedPages);
          expect(usedPages + pool.freePages).toBe(pool.pageCount);
          expect(pool.pageCount).toBeLessThanOrEqual(LIMITS[half]);
          for (const [i, { pages, isPinned }] of scene.halves(half).entries()) {
            expect(residency.isPinned(rounds[i]!, half)).toBe(isPinned);
            const resizes = one.kind === "give" || one.kind === "trim";
            const isMeant = resizes && one.which === i && one.half === half;
            const was = before[half][i]!;
            if (was.isPinned && !isMeant) expect(pages).toEqual(was.pages);
          }
        }
      }
    }),
  );
});
