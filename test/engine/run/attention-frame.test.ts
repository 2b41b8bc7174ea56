// Where everything stands in a pass, within the trained range and beyond it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Frame,
  type FrameRequest,
  frameOf,
  framesFor,
} from "../../../src/engine/run/attention-frame";
import type { PlacedRound } from "../../../src/memory/page-table";
import { newRound, type Round } from "../../../src/memory/round";

function roundOf(id: number, tokens: number): Round {
  return newRound(id, new Array<number>(tokens).fill(7));
}

/** A system prompt of 10 tokens, rounds 1 to 3 of 20, 30 and 40. */
const history = [10, 20, 30, 40].map((tokens, id) => roundOf(id, tokens));
const question = roundOf(4, 6);

/** [id, base] of each. */
function places(placed: readonly PlacedRound[]): [number, number][] {
  return placed.map(({ round, base }) => [round.id, base]);
}

function placesOf({ lower, upper }: Frame) {
  return { lower: places(lower), upper: places(upper) };
}

function frame(request: Partial<FrameRequest> = {}) {
  const frame = frameOf({
    history,
    own: [question],
    ownTokens: 50,
    contextTokens: 150,
    ...request,
  });
  return placesOf(frame);
}

describe("within the trained range", () => {
  test("each round follows the one before, the turn's own last, in both halves", () => {
    const all = [
      [0, 0],
      [1, 10],
      [2, 30],
      [3, 60],
      [4, 100],
    ];
    expect(frame()).toEqual({ lower: all, upper: all });
  });

  test("the upper half has the system prompt and the selected rounds, each in its place", () => {
    const { lower, upper } = frame({ selected: new Set([3, 1]) });
    expect(lower).toHaveLength(5);
    expect(upper).toEqual([
      [0, 0],
      [1, 10],
      [3, 60],
      [4, 100],
    ]);
  });

  test("where nothing is selected the system prompt is left", () => {
    const { upper } = frame({ selected: new Set() });
    expect(upper).toEqual([
      [0, 0],
      [4, 100],
    ]);
  });

  test("rounds that are no candidates are left out below, and leave a gap", () => {
    const { lower, upper } = frame({
      selected: new Set([2]),
      candidates: new Set([2]),
    });
    const kept = [
      [0, 0],
      [2, 30],
      [4, 100],
    ];
    expect({ lower, upper }).toEqual({ lower: kept, upper: kept });
  });

  test("several rounds of its own follow each other", () => {
    const own = [question, roundOf(5, 9)];
    expect(frame({ own }).lower.slice(-2)).toEqual([
      [4, 100],
      [5, 106],
    ]);
  });

  test("a chat that begins has its own round alone", () => {
    expect(frame({ history: [] })).toEqual({
      lower: [[4, 0]],
      upper: [[4, 0]],
    });
  });
});

describe("beyond the trained range", () => {
  const contextTokens = 120;

  test("the turn's own stands at the end, near rounds before it, far ones behind the system prompt", () => {
    const all = [
      [0, 0],
      [1, 10],
      [2, 10],
      [3, 30],
      [4, 70],
    ];
    expect(frame({ contextTokens })).toEqual({ lower: all, upper: all });
  });

  test("what is selected is packed", () => {
    const { lower, upper } = frame({
      contextTokens,
      selected: new Set([1, 2]),
    });
    expect(lower[2]).toEqual([2, 10]);
    expect(upper).toEqual([
      [0, 0],
      [1, 20],
      [2, 40],
      [4, 70],
    ]);
  });

  test("what is packed is no nearer for windows than it is among all", () => {
    const { lower, upper } = frameOf({
      history,
      own: [question],
      ownTokens: 50,
      contextTokens,
      selected: new Set([1, 2]),
    });
    const forWindows = (placed: readonly PlacedRound[]) =>
      placed.map(({ round, base, place = base }) => [round.id, place]);
    expect(forWindows(upper)).toEqual(
      forWindows(lower).filter(([id]) => id !== 3),
    );
    expect(forWindows(upper)[1]).toEqual([1, 10]);
  });

  test("candidates stay where they would stand among all", () => {
    const { lower } = frame({ contextTokens, candidates: new Set([2]) });
    expect(lower).toEqual([
      [0, 0],
      [2, 10],
      [4, 70],
    ]);
  });

  test("it begins with the first token too many", () => {
    expect(frame({ contextTokens: 150 }).lower.at(-1)).toEqual([4, 100]);
    expect(frame({ contextTokens: 149 }).lower.at(-1)).toEqual([4, 99]);
  });

  test("an own round that leaves no room for the longest one is refused", () => {
    expect(() => frame({ contextTokens, ownTokens: 71 })).toThrow(
      /10 tokens of system prompt, 40 of a round and 71 of a turn/,
    );
  });
});

describe("rounds that are computed again", () => {
  const [system, one, , three] = history as [Round, Round, Round, Round];
  const missing = [one, three];
  const passes = (
    rounds: readonly Round[],
    request: Partial<Parameters<typeof framesFor>[1]> = {},
  ) =>
    [...framesFor(rounds, { history, contextTokens: 150, ...request })].map(
      ({ frame, own }) => ({ ...placesOf(frame), own: places(own) }),
    );

  test("go through the layers in one pass within the range, where they always stood", () => {
    const all = [
      [0, 0],
      [1, 10],
      [2, 30],
      [3, 60],
    ];
    const own = [
      [1, 10],
      [3, 60],
    ];
    expect(passes(missing, { contextTokens: 100 })).toEqual([
      { lower: all, upper: all, own },
    ]);
  });

  test("go one by one beyond it, each at the end of what was before", () => {
    expect(passes(missing, { contextTokens: 99 })).toEqual([
      {
        lower: [
          [0, 0],
          [1, 10],
        ],
        upper: [
          [0, 0],
          [1, 10],
        ],
        own: [[1, 10]],
      },
      {
        lower: [
          [0, 0],
          [1, 10],
          [2, 29],
          [3, 59],
        ],
        upper: [
          [0, 0],
          [1, 10],
          [2, 29],
          [3, 59],
        ],
        own: [[3, 59]],
      },
    ]);
  });

  test("attend to candidates below and to what is selected above", () => {
    const sets = { candidates: new Set([1, 3]), selected: new Set([3]) };
    const lower = [
      [0, 0],
      [1, 10],
      [3, 60],
    ];
    const upper = [
      [0, 0],
      [3, 60],
    ];
    expect(passes([three], sets)).toEqual([{ lower, upper, own: [[3, 60]] }]);
    const [first] = passes([one], { ...sets, contextTokens: 99 });
    // Its own rows are always there, whether it is selected or not.
    expect(first!.upper).toEqual([
      [0, 0],
      [1, 10],
    ]);
  });

  test("may be the system prompt", () => {
    for (const contextTokens of [100, 99]) {
      const [first] = passes([system], { contextTokens });
      expect(first!.own).toEqual([[0, 0]]);
    }
    const [alone] = passes([system], { contextTokens: 99 });
    expect(alone!.lower).toEqual([[0, 0]]);
  });

  test("take no pass where none is missing and the chat is beyond the range", () => {
    expect(passes([], { contextTokens: 99 })).toEqual([]);
  });

  test("attend to nothing that came after them", () => {
    fc.assert(
      fc.property(chats, ({ lengths, contextTokens, isMissing }) => {
        const rounds = lengths.map((tokens, id) => roundOf(id, tokens));
        const wanted = rounds.filter(() => isMissing.next().value);
        const frames = [
          ...framesFor(wanted, { history: rounds, contextTokens }),
        ];
        const own = frames.flatMap((pass) => pass.own);
        expect(own.map(({ round }) => round)).toEqual(wanted);
        for (const pass of frames) {
          for (const { round, base } of pass.own) {
            const end = base + round.tokens.length;
            expect(end).toBeLessThanOrEqual(contextTokens);
            for (const half of [pass.frame.lower, pass.frame.upper]) {
              const later = half.filter((other) => other.round.id > round.id);
              for (const other of later)
                expect(other.base).toBeGreaterThanOrEqual(end);
              const earlier = half.filter((other) => other.round.id < round.id);
              for (const other of earlier)
                expect(
                  other.base + other.round.tokens.length,
                ).toBeLessThanOrEqual(base);
            }
          }
        }
      }),
    );
  });
});

/** Chats of which any two rounds fit into the range. */
const chats = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 40 }), {
    minLength: 1,
    maxLength: 12,
  }),
  contextTokens: fc.integer({ min: 120, max: 300 }),
  isMissing: fc.infiniteStream(fc.boolean()),
});

test("both halves end with the own rounds, at the same positions, and none is beyond the range", () => {
  fc.assert(
    fc.property(
      chats,
      fc.infiniteStream(fc.boolean()),
      fc.integer({ min: 1, max: 40 }),
      ({ lengths, contextTokens, isMissing }, isRead, ownTokens) => {
        const rounds = lengths.map((tokens, id) => roundOf(id, tokens));
        const own = roundOf(99, ownTokens);
        const ids = (flags: fc.Stream<boolean>) =>
          new Set(rounds.flatMap(({ id }) => (flags.next().value ? [id] : [])));
        const selected = ids(isMissing);
        const candidates = ids(isRead);
        const { lower, upper } = frameOf({
          history: rounds,
          own: [own],
          ownTokens,
          contextTokens,
          selected,
          candidates,
        });
        expect(lower.at(-1)).toEqual(upper.at(-1));
        for (const [half, wanted] of [
          [lower, candidates],
          [upper, selected],
        ] as const) {
          expect(half.map(({ round }) => round)).toEqual([
            ...rounds.filter(({ id }) => id === 0 || wanted.has(id)),
            own,
          ]);
          for (const { round, base } of half)
            expect(base + round.tokens.length).toBeLessThanOrEqual(
              contextTokens,
            );
        }
      },
    ),
  );
});
