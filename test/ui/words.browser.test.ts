import { describe, expect, test } from "vitest";
import type { ChatHistory } from "../../src/engine/api/chats";
import { describeError } from "../../src/ui/base/describe-error";
import { joined } from "../../src/ui/state/chats/history";
import { byteRange } from "../../src/ui/base/sizes";
import { receiptLine } from "../../src/ui/transcript/receipt";
import {
  failRound,
  isRunning,
  newRound,
  takeEvent,
} from "../../src/ui/state/chats/round";
import { TurnQueue } from "../../src/ui/state/chats/turn-queue";
import { fakeReceipt, namedError, receiptWith } from "../support/fake-calls";
import { keptChat, keptRound } from "../support/kept-chat";

describe("A receipt", () => {
  test.for([
    [{}, "prefilled 23 · reused 41 tokens · first token 0.2 s · 38 tok/s"],
    [
      { finishReason: "length" },
      "prefilled 23 · reused 41 tokens · first token 0.2 s · 38 tok/s · length limit",
    ],
    [
      { finishReason: "aborted" },
      "prefilled 23 · reused 41 tokens · first token 0.2 s · 38 tok/s · stopped",
    ],
    [
      { timeToFirstTokenMs: 42.4 },
      "prefilled 23 · reused 41 tokens · first token 42 ms · 38 tok/s",
    ],
    [
      { timeToFirstTokenMs: 12_345 },
      "prefilled 23 · reused 41 tokens · first token 12.3 s · 38 tok/s",
    ],
    [
      { decodeTokensPerSecond: 3.14 },
      "prefilled 23 · reused 41 tokens · first token 0.2 s · 3.1 tok/s",
    ],
    [
      { decodeTokensPerSecond: 0 },
      "prefilled 23 · reused 41 tokens · first token 0.2 s",
    ],
    [
      receiptWith({ cachedTokens: 0, prefilledTokens: 12_345 }),
      "prefilled 12,345 · first token 0.2 s · 38 tok/s",
    ],
    [
      { finishReason: "aborted", replyTokens: 0, decodeTokensPerSecond: 0 },
      "prefilled 23 · reused 41 tokens · stopped",
    ],
    [{ kv: undefined }, "first token 0.2 s · 38 tok/s"],
  ] as const)("of %j reads %j", ([receipt, line]) => {
    expect(receiptLine({ ...fakeReceipt, ...receipt })).toBe(line);
  });

  test("of a turn late in a long chat is one line", () => {
    const receipt = receiptWith({
      cachedTokens: 1840,
      restoredTokens: 1840,
      prefilledTokens: 12,
      attention: {
        ...fakeReceipt.kv.attention,
        roundCount: 41,
        attended: attended(3, "mass"),
        kvBytes: 39,
        fullKvBytes: 100,
      },
    });
    expect(receiptLine(receipt)).toBe(
      "restored 1,840 tokens · prefilled 12 · attended to 3 of 41 rounds · " +
        "61 % of KV memory saved · first token 0.2 s · 38 tok/s",
    );
  });

  const attended = (count: number, reason: "mass" | "all") =>
    Array.from({ length: count }, (_, id) => ({ id, reason, mass: 0.1 }));

  test.for([
    [{}, ""],
    [
      { roundCount: 41, attended: attended(3, "mass") },
      " · attended to 3 of 41 rounds",
    ],
    [{ roundCount: 3, attended: attended(3, "all") }, ""],
    [{ roundCount: 3, attended: attended(3, "mass") }, ""],
    [{ kvBytes: 39, fullKvBytes: 100 }, " · 61 % of KV memory saved"],
    [{ kvBytes: 991, fullKvBytes: 1000 }, ""],
    [{ kvBytes: 990, fullKvBytes: 1000 }, " · 1 % of KV memory saved"],
    [{ kvBytes: 0, fullKvBytes: 0 }, ""],
  ] as const)("with the attention %j says %j", ([report, words]) => {
    const attention = { ...fakeReceipt.kv.attention, ...report };
    expect(receiptLine(receiptWith({ attention }))).toBe(
      `prefilled 23 · reused 41 tokens${words} · first token 0.2 s · 38 tok/s`,
    );
  });

  test("of a turn over stale memory says how much of it was repaired", () => {
    const fusion = {
      ...fakeReceipt.kv.fusion,
      staleRounds: 2,
      staleTokens: 1210,
      repairedTokens: 32,
    };
    expect(receiptLine(receiptWith({ fusion }))).toBe(
      "prefilled 23 · reused 41 tokens · repaired 32 of 1,210 stale tokens · first token 0.2 s · 38 tok/s",
    );
  });

  test.for([
    [1840, 1840, "restored 1,840 tokens · prefilled 23"],
    [1840, 1000, "restored 1,000 tokens · prefilled 23 · reused 840 tokens"],
    [0, 0, "prefilled 23"],
  ] as const)(
    "of %d cached tokens, %d of them restored, begins %j",
    ([cachedTokens, restoredTokens, words]) => {
      const receipt = receiptWith({ cachedTokens, restoredTokens });
      expect(receiptLine(receipt)).toBe(
        `${words} · first token 0.2 s · 38 tok/s`,
      );
    },
  );
});

describe("Bytes", () => {
  test.for([
    [0, 512, "0 of 512 B"],
    [1_000, 42_526, "1 of 43 kB"],
    [3_100_000, 6_896_400, "3.1 of 6.9 MB"],
    [20_000_000, 143_000_000, "20 of 143 MB"],
    [0, 1_313_000_000, "0.0 of 1.3 GB"],
    [5e12, 7e12, "5000.0 of 7000.0 GB"],
  ] as const)("%d of %d read %j", ([loaded, total, words]) => {
    expect(byteRange(loaded, total)).toBe(words);
  });
});

describe("An error", () => {
  test("keeps its own words beside ours", () => {
    const { title, detail } = describeError(
      namedError("ModelFetchError", "404"),
    );
    expect(title).toBe("The model could not be downloaded");
    expect(detail).toBe("404");
  });

  test("that nobody foresaw is still told", () => {
    expect(describeError(new TypeError("x is not a function"))).toMatchObject({
      title: "Something went wrong",
      detail: "x is not a function",
    });
    for (const name of ["constructor", "__proto__", "toString"])
      expect(describeError(namedError(name))).toMatchObject({
        title: "Something went wrong",
        advice: "Trying again may help.",
        isKnown: false,
      });
  });
});

describe("A round", () => {
  const begun = { ...newRound(1, "Hello!", -1), phase: "reading" as const };

  test("takes in what comes, step by step", () => {
    const read = takeEvent(begun, {
      type: "prefill",
      doneTokens: 1,
      totalTokens: 2,
    });
    expect(read.prefill).toEqual({ doneTokens: 1, totalTokens: 2 });
    const written = takeEvent(takeEvent(read, { type: "text", text: "Hi" }), {
      type: "text",
      text: "!",
    });
    expect(written).toMatchObject({ phase: "writing", reply: "Hi!" });
    const done = takeEvent(written, { type: "end", receipt: fakeReceipt });
    expect(done).toMatchObject({ phase: "done", receipt: fakeReceipt });
    expect([begun, read, written, done].map(isRunning)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test("that fails keeps what was said", () => {
    const error = namedError("DeviceLostError");
    const written = takeEvent(begun, { type: "text", text: "Hi" });
    expect(failRound(written, error)).toMatchObject({
      phase: "failed",
      reply: "Hi",
      error,
    });
  });
});

describe("Rounds of the page and of the history", () => {
  let lastId = 100;
  const join = (
    shown: Parameters<typeof joined>[0],
    history: Partial<ChatHistory> = {},
  ) =>
    joined(
      shown,
      {
        ...keptChat("a", [
          ["one", "1"],
          ["two", "2"],
        ]),
        ...history,
      },
      () => ++lastId,
    );
  const brief = (rounds: ReturnType<typeof join>) =>
    rounds.map(({ message, phase, ending }) => [message, phase, ending]);

  test("are the history's where the page has none", () => {
    expect(brief(join([]))).toEqual([
      ["one", "done", undefined],
      ["two", "done", undefined],
    ]);
  });

  test("stay the same with their receipts", () => {
    const known = takeEvent(newRound(7, "one", -1), {
      type: "end",
      receipt: { ...fakeReceipt, roundId: 1 },
    });
    const [first, second] = join([known]);
    expect(first).toMatchObject({ id: 7, reply: "1", receipt: known.receipt });
    expect(second!.id).toBe(lastId);
  });

  test("that were not kept come after those that were", () => {
    const unsent = { ...newRound(7, "one", 2), phase: "unanswered" as const };
    expect(brief(join([unsent])).at(-1)).toEqual([
      "one",
      "unanswered",
      undefined,
    ]);
  });

  test("that broke off on the page and were kept are not there twice", () => {
    const failed = failRound(newRound(7, "two", 1), namedError("TypeError"));
    expect(brief(join([failed]))).toHaveLength(2);
  });

  test("stay the same where the engine has copied them into another branch", () => {
    const before = join([]);
    const rounds = keptChat("a", [
      ["one", "1"],
      ["two", "2"],
    ]).rounds.map((round) => ({ ...round, id: round.id + 10 }));
    const after = join(before, { rounds });
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.map(({ keptId }) => keptId)).toEqual([11, 12]);
  });

  test("take each other's place where they are versions of one", () => {
    const before = join([]);
    const versions = [2, 3];
    const rounds = [
      keptRound(1, "one", "1"),
      keptRound(3, "two?", "2", { versions }),
    ];
    const after = join(before, { rounds });
    expect(after[1]).toMatchObject({ id: before[1]!.id, message: "two?" });
  });

  test("that are on another branch, or deleted, are gone", () => {
    const before = join([]);
    const { rounds } = keptChat("a", [["one", "1"]]);
    expect(brief(join(before, { rounds }))).toHaveLength(1);
  });

  test("that are running are left alone", () => {
    const running = { ...newRound(7, "two", 1), phase: "writing" as const };
    expect(join([running])[1]).toBe(running);
  });

  test("that never ended were cut off, but for one that another tab may be writing", () => {
    const rounds = keptChat("a", [
      ["one", "1"],
      ["two", "2"],
    ]).rounds.map((round) => ({ ...round, isFinished: false }));
    const endings = (access: "read" | "write") =>
      join([], { rounds, access }).map(({ ending }) => ending);
    expect(endings("write")).toEqual(["cut off", "cut off"]);
    expect(endings("read")).toEqual(["cut off", undefined]);
  });
});

describe("The queue of turns", () => {
  const tick = () => new Promise((resolve) => setTimeout(resolve));

  test("runs one at a time and in order", async () => {
    const queue = new TurnQueue();
    const said: string[] = [];
    queue.resume();
    const turn = (name: string) => async () => {
      said.push(`${name} begins`);
      await tick();
      said.push(`${name} ends`);
    };
    queue.add(turn("a"));
    queue.add(turn("b"));
    await tick();
    await tick();
    await tick();
    expect(said).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  });

  test("starts nothing while paused, and forgets what is taken back", async () => {
    const queue = new TurnQueue();
    const ran: string[] = [];
    const a = async () => void ran.push("a");
    const b = async () => void ran.push("b");
    queue.add(a);
    queue.add(b);
    await tick();
    expect(ran).toEqual([]);
    expect(queue.remove(a)).toBe(true);
    expect(queue.remove(a)).toBe(false);
    queue.resume();
    await tick();
    expect(ran).toEqual(["b"]);
    expect(queue.remove(b)).toBe(false);
  });
});
