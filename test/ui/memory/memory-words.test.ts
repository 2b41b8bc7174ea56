import { describe, expect, test } from "vitest";
import type { HalfMemory } from "../../../src/engine/api/memory-snapshot";
import {
  countedText,
  freeBytes,
  msText,
  shareText,
  smallText,
  speedText,
  tokensText,
  usedBytes,
} from "../../../src/ui/memory/base/figures";
import {
  cellAt,
  darkness,
  heaviest,
  mapText,
  maxMass,
} from "../../../src/ui/memory/plots/heat";
import { snapshotJson } from "../../../src/ui/memory/redact";
import {
  attentionSentence,
  attentionText,
  halfText,
  placeOf,
  residentShare,
  roundContents,
  roundName,
  signsOf,
} from "../../../src/ui/memory/map/round-words";
import {
  lastTurn,
  receiptRows,
  turnPlots,
} from "../../../src/ui/memory/plots/turn-figures";
import { verifySentences } from "../../../src/ui/memory/sections/verify-words";
import {
  emptySnapshot,
  makeReport,
  smallSnapshot,
  withTexts,
} from "../../support/memory-snapshots";

test("Figures are short and have units", () => {
  expect([0, 0.004, 0.314, 1].map(shareText)).toEqual([
    "0 %",
    "<1 %",
    "31 %",
    "100 %",
  ]);
  expect([0, 0.42, 12.4, 994.9, 1380, 75_000].map(msText)).toEqual([
    "0 ms",
    "0.4 ms",
    "12 ms",
    "995 ms",
    "1.4 s",
    "75 s",
  ]);
  expect([0, 0.6, 38.2].map(speedText)).toEqual([
    "0 tok/s",
    "0.6 tok/s",
    "38 tok/s",
  ]);
  expect([0, 1, 1240].map(tokensText)).toEqual([
    "no tokens",
    "1 token",
    "1,240 tokens",
  ]);
  expect(countedText(2, "segment")).toBe("2 segments");
  expect([0, 0.00001, 0.00421, 1.25].map(smallText)).toEqual([
    "0",
    "<0.0001",
    "0.0042",
    "1.3",
  ]);
});

describe("A half", () => {
  const half = (residentTokens: number, storedBytes: number): HalfMemory => ({
    residentTokens,
    gpuBytes: residentTokens * 1000,
    storedBytes,
    isInUse: false,
  });

  test("is on the GPU, stored, both or nowhere", () => {
    expect(placeOf(half(10, 0))).toBe("resident");
    expect(placeOf(half(0, 500))).toBe("stored");
    expect(placeOf(half(10, 500))).toBe("both");
    expect(placeOf(half(0, 0))).toBe("absent");
  });

  test("says so with its sizes, and how much of it is there", () => {
    expect(halfText(half(10, 0), 10)).toBe("on the GPU (10 kB), not stored");
    expect(halfText(half(0, 500), 10)).toBe("stored (500 B), not on the GPU");
    expect(halfText(half(4, 500), 10)).toBe(
      "on the GPU (4 of 10 tokens, 4 kB) and stored (500 B)",
    );
    expect(halfText({ ...half(0, 0), isInUse: true }, 10)).toBe(
      "not in memory: computed when needed, in use",
    );
    expect(residentShare(half(4, 0), 10)).toBe(0.4);
    expect(residentShare(half(0, 0), 0)).toBe(0);
  });
});

describe("A round", () => {
  const [system, first, second] = smallSnapshot().chat!.rounds;

  test("has a name, also where it is none that was said", () => {
    expect(roundName(system!)).toBe("System prompt");
    expect(roundName(first!)).toBe("Round 1");
    expect(roundName({ ...first!, kind: "document" })).toBe("Document 1");
    expect(roundContents({ ...first!, kind: "document" })).toBe(
      "document 1, with its text",
    );
  });

  test("has a sign for each thing to be known about its KV", () => {
    expect(signsOf(first!)).toEqual([]);
    for (const quality of ["stale", "repaired", "approximate"] as const)
      expect(signsOf({ ...second!, quality })).toEqual(["pinned", quality]);
    expect(signsOf({ ...second!, quality: undefined })).toEqual(["pinned"]);
  });

  test("says why the last turn attended to it, or that it did not", () => {
    expect(attentionText(first!)).toBe("mass 62 %");
    expect(attentionText({ ...first!, attended: undefined })).toBe("62 %");
    expect(
      attentionText({ ...first!, attended: undefined, mass: undefined }),
    ).toBe("–");
    expect(attentionSentence(second!)).toBe(
      "Attended to in the last turn: it is pinned. 4 % of the question’s attention fell on it.",
    );
    expect(
      attentionSentence({ ...first!, attended: undefined, mass: undefined }),
    ).toBe("Not attended to in the last turn.");
  });
});

describe("The last turn", () => {
  test("is the shown chat’s own", () => {
    const snapshot = smallSnapshot();
    const elsewhere = { ...snapshot.turns[0]!, chatId: "other", roundId: 99 };
    snapshot.turns.push(elsewhere);
    expect(lastTurn(snapshot)?.roundId).toBe(5);
    expect(lastTurn(emptySnapshot())).toBe(undefined);
  });

  test("says what it did, without what is zero", () => {
    const turn = lastTurn(smallSnapshot())!;
    const rows = Object.fromEntries(receiptRows(turn));
    expect(rows["Attended to"]).toBe(
      "4 of 5 rounds, which hold 91 % of the question’s attention",
    );
    expect(rows["KV needed"]).toBe(
      "3.9 MB, of 10.0 MB for the whole chat (39 %)",
    );
    expect(rows.Repaired).toBe("32 of 210 stale tokens, in 2 of 3 rounds");
    expect(rows.Restored).toBe(undefined);
    expect(rows.Ended).toBe("the reply is complete");
  });

  test("says how clearly retrieval heads chose", () => {
    const turn = lastTurn(smallSnapshot())!;
    const { attention } = turn.receipt.kv;
    Object.assign(attention, { greatestScore: 0.31, noise: 0.05 });
    const rows = Object.fromEntries(receiptRows(turn));
    expect(rows["Attended to"]).toBe(
      "4 of 5 rounds, which hold 91 % of the question’s attention in retrieval heads; the most wanted one drew 31 % of a head’s attention, and a question that asks for nothing draws up to 5 %",
    );
  });

  test("is the last point of each plot", () => {
    const { turns } = smallSnapshot();
    const plots = turnPlots(turns);
    const last = turns.at(-1)!;
    expect(
      plots.flatMap(({ lines }) => lines.map(({ values }) => values.at(-1))),
    ).toEqual([
      last.gpuBytes,
      last.kvBytes,
      last.uploadedBytes,
      last.receipt.timeToFirstTokenMs,
      last.receipt.decodeTokensPerSecond,
    ]);
  });
});

describe("A verification", () => {
  const report = makeReport(smallSnapshot());

  test("says in plain words how often both agree, and how far they are apart", () => {
    expect(verifySentences(report)).toEqual([
      "At all 41 tokens of the reply the same word was likeliest.",
      "What the model expected next hardly differs: by 0.0042 nats a token on average, by 0.031 at most (KL divergence).",
      "Reading only some rounds cost 0.0031 nats a token, using KV again 0.0009 nats a token.",
      "Compared with full attention and exact KV in 1.8 s.",
    ]);
    const all = { sameTop1: 41, meanKl: 0, maxKl: 0 };
    expect(verifySentences({ ...report, selection: all })[2]).toBe(
      "Reading only some rounds cost nothing, using KV again 0.0009 nats a token.",
    );
    const [agreement, divergence] = verifySentences({
      ...report,
      sameTop1: 38,
      meanKl: 0.2,
    });
    expect(agreement).toBe(
      "At 38 of 41 tokens of the reply the same word was likeliest (93 %).",
    );
    expect(divergence).toContain("differs clearly");
  });

  test("of a reply without tokens says that there was nothing to compare", () => {
    expect(verifySentences({ ...report, positions: 0 })).toHaveLength(1);
  });
});

describe("The heat map", () => {
  const report = makeReport(smallSnapshot(), {
    roundIds: [1, 4],
    mass: [
      [0.9, 0.1],
      [0.25, 0.75],
    ],
  });

  test("has its highest layer on top", () => {
    expect(cellAt(report, 0, 1)).toEqual({ layer: 1, roundId: 4, mass: 0.75 });
    expect(cellAt(report, 1, 0)).toEqual({ layer: 0, roundId: 1, mass: 0.9 });
    expect(cellAt(report, 2, 0)).toBe(undefined);
    expect(cellAt(report, 0, 2)).toBe(undefined);
  });

  test("is darkest at the largest mass, and empty at none", () => {
    expect(maxMass(report)).toBe(0.9);
    expect(darkness(0.9, 0.9)).toBe(1);
    expect(darkness(0, 0.9)).toBe(0);
    expect(darkness(0.225, 0.9)).toBe(0.5);
    expect(darkness(0, 0)).toBe(0);
  });

  test("says what it shows", () => {
    expect(heaviest(report, 1)?.roundId).toBe(4);
    expect(mapText(report, 1)).toBe(
      "2 layers by 2 rounds. The watershed lies above layer 1. Most there: Layer 1, round 4: 75 % of the question’s attention on rounds.",
    );
  });
});

test("A copied snapshot has no text, even where it is shown", () => {
  const snapshot = withTexts(smallSnapshot());
  expect(snapshot.chat?.title).toBe("My cat Miso");
  const json = snapshotJson(snapshot);
  expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(smallSnapshot())));
  expect(json).not.toContain("Miso");
});

test("pages of layers with windows count with those of their half", () => {
  const pool = { pageCount: 10, freePages: 4, bytesPerPage: 100 };
  expect([usedBytes(pool), freeBytes(pool)]).toEqual([600, 400]);
  const local = { pageCount: 5, freePages: 3, bytesPerPage: 7 };
  const apart = { ...pool, local };
  expect([usedBytes(apart), freeBytes(apart)]).toEqual([614, 421]);
});
