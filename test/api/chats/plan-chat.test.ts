// Which chat a conversation goes on in: held against a plain tree in which every plan is carried out.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Continuation,
  isSameRound,
  type KnownChat,
  type KnownRound,
  planChat,
} from "../../../src/api/chats/plan-chat";
import type { RoundText } from "../../../src/engine/api/chats";

const OWN = { sharesSystem: true };
const said = (...letters: string[]): RoundText[] =>
  letters.map((letter) => ({ message: letter, reply: letter.toUpperCase() }));
const known = (first: number, ...letters: string[]): KnownRound[] =>
  said(...letters).map((round, i) => ({ id: first + i, ...round }));
const chat = (
  id: string,
  branches: KnownRound[][],
  system?: string,
): KnownChat => ({ id, system, branches });
const plan = (chats: KnownChat[], rounds: RoundText[], system?: string) =>
  planChat(chats, { system, rounds }, OWN);

describe("a conversation goes on", () => {
  const abc = chat("one", [known(1, "a", "b", "c")]);

  test("at the end of the chat that has all of it", () => {
    expect(plan([abc], said("a", "b", "c"))).toEqual({
      chatId: "one",
      behind: 3,
      added: [],
      before: undefined,
      copied: 0,
      through: 3,
    });
  });

  test("behind the common beginning, where the last message is said again or another way", () => {
    expect(plan([abc], said("a", "b"))).toMatchObject({
      behind: 2,
      added: [],
      copied: 0,
    });
    expect(plan([abc], said("a", "b", "x"))).toMatchObject({
      behind: 2,
      added: said("x"),
      copied: 0,
    });
  });

  test("with copies of what follows an edited round", () => {
    expect(plan([abc], said("a", "x", "c"))).toEqual({
      chatId: "one",
      behind: 1,
      added: said("x"),
      before: 3,
      copied: 1,
      through: 3,
    });
  });

  test("with copies of what is left where the first rounds were dropped", () => {
    expect(plan([abc], said("b", "c"))).toEqual({
      chatId: "one",
      behind: 0,
      added: [],
      before: 2,
      copied: 2,
      through: 3,
    });
  });

  test("with no more copies than it has rounds", () => {
    const long = chat("one", [known(1, "a", "b", "c", "d", "e")]);
    expect(plan([long], said("x", "b", "c"))).toMatchObject({
      behind: 0,
      added: said("x"),
      before: 2,
      copied: 2,
    });
  });

  test("on the branch that has most of it", () => {
    const [a, b, c] = known(1, "a", "b", "c");
    const [x] = known(4, "x");
    const forked = chat("one", [
      [a!, b!, c!],
      [a!, x!],
    ]);
    expect(plan([forked], said("a", "b", "c"))?.behind).toBe(3);
    expect(plan([forked], said("a", "x"))?.behind).toBe(4);
  });

  test("on the branch of the last round that it copies, where another has the first", () => {
    const [a, b, c] = known(1, "a", "b", "c");
    const [d] = known(4, "d");
    const forked = chat("one", [
      [a!, b!, c!],
      [a!, b!, d!],
    ]);
    expect(plan([forked], said("x", "b", "c"))).toMatchObject({
      before: 2,
      through: 3,
    });
  });

  test("in the chat that was used last, where several have as much of it", () => {
    const other = chat("two", [known(1, "a", "b", "c")]);
    expect(plan([abc, other], said("a"))?.chatId).toBe("two");
    expect(plan([other, abc], said("a"))?.chatId).toBe("one");
  });

  test("in a chat whose KV fits as it is, rather than one where as much is copied", () => {
    const copied = chat("two", [known(1, "x", "b")]);
    const exact = chat("one", [known(1, "b")]);
    expect(plan([exact, copied], said("b"))?.chatId).toBe("one");
  });
});

describe("a new chat is opened", () => {
  const abc = chat("one", [known(1, "a", "b")], "Be kind.");

  test("for another system prompt, and for none", () => {
    expect(plan([abc], said("a", "b"), "Be brief.")).toBeUndefined();
    expect(plan([abc], said("a", "b"))).toBeUndefined();
    expect(plan([abc], said("a", "b"), "Be kind.")).toBeDefined();
  });

  test("where only the system prompt is the same, unless chats share it", () => {
    const asked = { system: "Be kind.", rounds: said("x") };
    expect(planChat([abc], asked, { sharesSystem: false })).toBeUndefined();
    expect(planChat([abc], asked, OWN)).toMatchObject({
      behind: 0,
      added: said("x"),
    });
  });

  test("where a chat has too many branches, unless one of them just grows", () => {
    const full = chat("one", [known(1, "a", "b"), known(3, "x")]);
    const options = { sharesSystem: true, mostBranches: 2 };
    const of = (...letters: string[]) =>
      planChat(
        [full],
        { system: undefined, rounds: said(...letters) },
        options,
      );
    expect(of("a")).toBeUndefined();
    expect(of("a", "y", "b")).toBeUndefined();
    expect(of("a", "b")?.behind).toBe(2);
    expect(of("x", "y")).toMatchObject({ behind: 3, added: said("y") });
  });
});

describe("rounds are the same", () => {
  const said = (reply: string) => ({ message: "Hi", reply });

  test.each([
    ["trimmed", " Hello.\n", "Hello."],
    ["without the thinking", "<think>Hm.</think>\n\nHello.", "Hello."],
    ["with another thinking", "<think>Hm.</think>A", "<think>Oh.</think>A"],
  ])("%s", (_, one, other) =>
    expect(isSameRound(said(one), said(other))).toBe(true),
  );

  test("but not with another message or reply", () => {
    expect(isSameRound(said("A"), said("B"))).toBe(false);
    expect(isSameRound(said("A"), { message: "Hi ", reply: "A" })).toBe(false);
  });
});

/** Chats as trees, and what their branches say. */
class Trees {
  readonly chats: KnownChat[] = [];
  #lastId = 0;

  open(rounds: readonly RoundText[]): KnownRound[] {
    const branch = rounds.map((round) => ({ ...round, id: ++this.#lastId }));
    const id = `chat ${this.chats.length}`;
    this.chats.push({ id, system: undefined, branches: [branch] });
    return branch;
  }

  /** Carries a plan out, and returns the branch that the chat then shows. */
  goOn(plan: Continuation): KnownRound[] {
    const at = this.chats.findIndex(({ id }) => id === plan.chatId);
    const { branches } = this.chats[at]!;
    const { through } = plan;
    const from = branches.find(
      (branch) => through === 0 || branch.some(({ id }) => id === through),
    )!;
    const places = from.map(({ id }) => id);
    const behind = plan.behind === 0 ? -1 : places.indexOf(plan.behind);
    expect(behind >= 0).toBe(plan.behind !== 0);
    const before = places.indexOf(plan.before ?? -1);
    if (plan.before !== undefined) expect(before).toBeGreaterThan(behind);
    else expect(plan.copied).toBe(0);
    const copies = before < 0 ? [] : from.slice(before, before + plan.copied);
    expect(copies).toHaveLength(plan.copied);
    const branch = [
      ...from.slice(0, behind + 1),
      ...[...plan.added, ...copies].map((round) => ({
        ...round,
        id: ++this.#lastId,
      })),
    ];
    this.chats[at] = {
      ...this.chats[at]!,
      branches: [...branches, branch],
    };
    return branch;
  }
}

/** Letters, so few that conversations have much in common. */
const conversation = fc
  .array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 8 })
  .map((letters) => said(...letters));

const textOf = (rounds: readonly RoundText[]) =>
  rounds.map(({ message }) => message).join("");

describe("whatever is asked for, one conversation after another", () => {
  test("a plan leads to what was asked for, and adds no round that need not be added", () => {
    fc.assert(
      fc.property(fc.array(conversation, { maxLength: 12 }), (all) => {
        const trees = new Trees();
        for (const rounds of all) {
          const asked = { system: undefined, rounds };
          const found = planChat(trees.chats, asked, {
            ...OWN,
            mostBranches: Infinity,
          });
          expect(found === undefined).toBe(trees.chats.length === 0);
          if (found !== undefined) {
            // No branch has a longer beginning in common and needs as little besides.
            const kept = rounds.length - found.added.length;
            for (const { branches } of trees.chats)
              for (const branch of branches)
                expect(kept).toBeGreaterThanOrEqual(
                  commonBeginning(textOf(branch), textOf(rounds)),
                );
          }
          const branch = found ? trees.goOn(found) : trees.open(rounds);
          expect(textOf(branch)).toBe(textOf(rounds));
        }
      }),
    );
  });

  test("a client that sends its whole history each time adds nothing to it", () => {
    fc.assert(
      fc.property(conversation, conversation, (before, letters) => {
        const trees = new Trees();
        trees.open(before);
        const branch: RoundText[] = [];
        for (const round of letters) {
          const found = planChat(
            trees.chats,
            { system: undefined, rounds: branch },
            OWN,
          )!;
          const at = trees.goOn(found);
          expect(found).toMatchObject({ added: [], copied: 0 });
          // Its reply is there from now on.
          trees.chats[0] = {
            ...trees.chats[0]!,
            branches: [
              ...trees.chats[0]!.branches,
              [...at, { ...round, id: 1000 + branch.length }],
            ],
          };
          branch.push(round);
        }
      }),
    );
  });

  test("what was planned once is found as it is the next time", () => {
    fc.assert(
      fc.property(fc.array(conversation, { minLength: 1 }), (all) => {
        const trees = new Trees();
        trees.open([]);
        for (const rounds of all) {
          const asked = { system: undefined, rounds };
          const options = { ...OWN, mostBranches: Infinity };
          const branch = trees.goOn(planChat(trees.chats, asked, options)!);
          const again = planChat(trees.chats, asked, options)!;
          expect(again).toMatchObject({ added: [], copied: 0 });
          expect(again.behind).toBe(branch.at(-1)?.id ?? 0);
        }
      }),
    );
  });
});

function commonBeginning(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length])
    length++;
  return length;
}
