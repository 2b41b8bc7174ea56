// A caller's wishes over the model's defaults, and which wishes are refused.
import { describe, expect, test } from "vitest";
import type {
  AttentionSettings,
  ReplyOptions,
} from "../../../src/engine/api/replies";
import {
  addMessage,
  addRound,
  conversationOf,
} from "../../support/conversation";
import {
  checkReplyOptions,
  turnRequest,
} from "../../../src/engine/turn/turn-request";

type Model = Parameters<typeof turnRequest>[0];
type Chat = Parameters<typeof turnRequest>[1];

const [START, END, LINE] = [90, 91, 92];

/** Marker tokens are 90 and 91; the template writes three tokens behind a message. */
const tokens: Chat["tokens"] = {
  prefix: [START],
  open: (user, { isFirst }) => [
    ...(isFirst ? [] : [LINE]),
    START,
    ...Array.from(user, (_, i) => i),
    END,
    LINE,
    START,
  ],
  close: [END, LINE],
  headTokens: () => 1,
  tailTokens: () => 3,
  reply: () => [],
  callFormat: "json",
};

function modelOf(changes: Partial<Model> = {}): Model {
  return {
    generation: { eosTokenIds: [91, 95], sampler: { topK: 20 } },
    tokenizer: { isText: (id: number) => id !== START && id !== END },
    template: { stopTexts: ["\nUser:"] },
    network: {
      config: { numAttentionHeads: 4, layers: [] },
      cache: { upper: { pageBytes: 16 * 100 }, lower: { layerCount: 2 } },
    },
    contextTokens: 1200,
    selection: { rows: "tail", heads: "all", tau: 0.8 },
    ...changes,
  } as unknown as Model;
}

function chatOf(rounds = 0): Chat {
  const conversation = conversationOf([START]);
  for (let i = 0; i < rounds; i++) addRound(conversation, { tokens: [START] });
  return { conversation, tokens, textFingerprint: "text" } as unknown as Chat;
}

function request(options: ReplyOptions = {}, model = modelOf()) {
  const chat = chatOf(1);
  return turnRequest(
    model,
    chat,
    addMessage(chat.conversation, "hey"),
    options,
  );
}

const attentionOf = (attention: Partial<AttentionSettings> = {}) =>
  request({ attention }).attention;

describe("attention settings", () => {
  test("are the model's and the usual ones where nothing is asked for", () => {
    expect(attentionOf()).toEqual({
      mode: "rounds",
      tau: 0.8,
      kMin: 1,
      budgetBytes: 400 * 100,
      pinned: [],
    });
  });

  test("are the caller's where asked for, also at the ends of their ranges", () => {
    const wishes: Partial<AttentionSettings>[] = [
      { mode: "all" },
      { tau: 0, kMin: 0, budgetBytes: 0 },
      { tau: 1, kMin: Infinity, pinned: [3, 1] },
    ];
    for (const wish of wishes) expect(attentionOf(wish)).toMatchObject(wish);
  });

  test("that are undefined are not asked for", () => {
    const nothing = { tau: undefined, kMin: undefined } as object;
    expect(attentionOf(nothing)).toEqual(attentionOf());
  });

  test.each<[string, object]>([
    ["attention.tau must be between 0 and 1, not 1.01", { tau: 1.01 }],
    ["attention.tau must be between 0 and 1, not -0.1", { tau: -0.1 }],
    ["attention.tau must be between 0 and 1, not NaN", { tau: NaN }],
    ["attention.kMin must be between 0 and Infinity, not -1", { kMin: -1 }],
    ["attention.kMin must be between 0 and Infinity, not NaN", { kMin: NaN }],
    [
      "attention.budgetBytes must be between 0 and Infinity, not -1",
      { budgetBytes: -1 },
    ],
    ['attention.mode must be "rounds" or "all", not some', { mode: "some" }],
  ])("out of range are refused by name: %s", (message, wish) => {
    expect(() => attentionOf(wish)).toThrow(RangeError);
    expect(() => attentionOf(wish)).toThrow(message);
  });
});

describe("whose attention says which rounds matter", () => {
  test("the template's rows behind the message, and every head", () => {
    const { massRows, massHeads } = request();
    expect(massRows).toBe(3);
    expect(massHeads).toEqual([0, 1, 2, 3]);
  });

  test("all rows of the message, and some heads, where the model is calibrated so", () => {
    const selection = { rows: "all" as const, heads: [2], tau: 0.9 };
    const { openTokens, massRows, massHeads } = request(
      {},
      modelOf({ selection }),
    );
    expect(openTokens).toHaveLength(8);
    expect(massRows).toBe(8);
    expect(massHeads).toEqual([2]);
  });
});

describe("a message's tokens", () => {
  test("begin where the round before ended; the first one's follow the system prompt", () => {
    const chat = chatOf(0);
    const message = addMessage(chat.conversation, "hey");
    const first = turnRequest(modelOf(), chat, message, {});
    expect(first.openTokens[0]).toBe(START);
    expect(request().openTokens[0]).toBe(LINE);
  });
});

describe("a reply ends", () => {
  test("with the model's tokens, and with the marker that closes a round", () => {
    expect(request().stopTokens).toEqual(new Set([95, 91]));
    const generation = { eosTokenIds: [], sampler: {} };
    expect(request({}, modelOf({ generation })).stopTokens).toEqual(
      new Set([91]),
    );
  });

  test("with a marker that opens a turn: a model that misses its end goes on with the user's", () => {
    const opening = 93;
    const marked = {
      ...tokens,
      open: () => [opening, END, LINE],
      headTokens: () => 1,
    } satisfies Chat["tokens"];
    const chat = { ...chatOf(1), tokens: marked } as unknown as Chat;
    const message = addMessage(chat.conversation, "hey");
    const tokenizer = {
      isText: (id: number) => id === LINE,
    } as unknown as Model["tokenizer"];
    const { stopTokens } = turnRequest(
      modelOf({ tokenizer }),
      chat,
      message,
      {},
    );
    expect(stopTokens).toEqual(new Set([91, 95, opening]));
  });

  test("not with text that happens to close a round", () => {
    const tokenizer = { isText: () => true } as unknown as Model["tokenizer"];
    expect(request({}, modelOf({ tokenizer })).stopTokens).toEqual(
      new Set([91, 95]),
    );
    const generation = { eosTokenIds: [], sampler: {} };
    expect(request({}, modelOf({ tokenizer, generation })).stopTokens).toEqual(
      new Set(),
    );
  });

  test("at the texts with which its template's turns begin, and at the caller's", () => {
    expect(request().stopTexts).toEqual(["\nUser:"]);
    expect(request({ stop: ["END"] }).stopTexts).toEqual(["\nUser:", "END"]);
  });

  test("after 1024 tokens, or as many as are asked for, at least one", () => {
    expect(request().maxTokens).toBe(1024);
    expect(request({ maxTokens: 7 }).maxTokens).toBe(7);
    expect(request({ maxTokens: 0 }).maxTokens).toBe(1);
  });

  test("at some point: a number of tokens that is none is refused by name", () => {
    expect(() => checkReplyOptions({ maxTokens: NaN })).toThrow("maxTokens");
  });
});

describe("a turn is drawn", () => {
  test("as the model's files say, then as the caller does", () => {
    expect(request().sampler.topK).toBe(20);
    const { sampler } = request({ sampler: { topK: 3, seed: 5 } });
    expect(sampler).toMatchObject({ topK: 3, seed: 5 });
  });

  test("with settings in range: others are refused by name", () => {
    expect(() => request({ sampler: { topP: 7 } })).toThrow(
      "sampler.topP must be between",
    );
  });
});
