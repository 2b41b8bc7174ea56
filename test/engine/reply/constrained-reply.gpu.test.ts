// Replies that must be something: only allowed tokens are drawn, and what is certain is fed without being drawn.
import { beforeAll, describe, expect, test } from "vitest";
import { ReadbackRing } from "../../../src/gpu/readback";
import type {
  ReplyParts,
  TokenConstraint,
} from "../../../src/engine/reply/reply";
import { randomModel } from "../../fixtures/random-model";
import { testGpu } from "../../support/gpu";
import { roundsOf, type TestNetwork, testNetwork } from "../../support/network";
import { prepareReply } from "../../support/reply";
import { dropRound } from "../../support/rounds";
import { GREEDY } from "../../support/test-chat";

const gpu = await testGpu();
const ring = new ReadbackRing(gpu, 3);
const LENGTH = 70;
let network: TestNetwork;
beforeAll(async () => {
  const { config, tensors } = randomModel({ preset: "untied-head", layers: 3 });
  network = await testNetwork(gpu, config, tensors, { kvFormat: "f32" });
});

interface Made {
  tokens: number[];
  draws: number;
  submits: number;
}

/** The reply to a question of random tokens, greedy. */
async function reply(
  constraint?: TokenConstraint,
  { maxTokens = LENGTH, stopTokens = [] as number[] } = {},
): Promise<Made> {
  const rounds = await roundsOf(network, [
    [3, 1, 4, 1, 5],
    [9, 2, 6, 5, 3, 5],
  ]);
  const settings = { ...GREEDY, hasMask: constraint !== undefined };
  const made = { settings, constraint };
  let draws = 0;
  const counting: ReplyParts["ring"] = {
    take(from) {
      draws++;
      return ring.take(from);
    },
  };
  const prepared = prepareReply(network.runner, rounds, counting, made);
  await prepared.prefill();
  const before = gpu.counts.submits;
  const limits = { stopTokens: new Set(stopTokens), maxTokens };
  const yielded: number[] = [];
  for await (const { token } of prepared.reply.decode(limits))
    yielded.push(token);
  expect(yielded).toEqual(prepared.reply.tokens);
  const submits = gpu.counts.submits - before;
  for (const round of rounds) dropRound(round, network.cache);
  return { tokens: yielded, draws, submits };
}

const words = () => Math.ceil(network.runner.decoder.vocabSize / 32);
function bits(tokens: Iterable<number>): Uint32Array {
  const all = new Uint32Array(words());
  for (const token of tokens) all[token >> 5]! |= 1 << (token & 31);
  return all;
}

/** Allows one text alone, then everything. `spans` says where as many tokens as it names are told to be certain. */
class Script implements TokenConstraint {
  readonly #tokens: readonly number[];
  readonly #spans: ReadonlyMap<number, number>;
  #at = 0;

  constructor(
    tokens: readonly number[],
    spans: Iterable<readonly [at: number, length: number]> = [],
  ) {
    this.#tokens = tokens;
    this.#spans = new Map(spans);
  }

  allowed(): Uint32Array {
    return this.#at < this.#tokens.length
      ? bits([this.#tokens[this.#at]!])
      : new Uint32Array(words()).fill(0xffffffff);
  }

  accept(token: number): void {
    if (this.#at < this.#tokens.length)
      expect(token).toBe(this.#tokens[this.#at]);
    this.#at++;
  }

  forced(): readonly number[] {
    const length = this.#spans.get(this.#at) ?? 0;
    return this.#tokens.slice(this.#at, this.#at + length);
  }
}

test("a constraint that says what the model would say anyway changes nothing", async () => {
  const free = await reply();
  const held = await reply(new Script(free.tokens.slice(0, 50)));
  expect(held.tokens).toEqual(free.tokens);
  expect(held.draws).toBe(LENGTH);
});

test("what is certain is fed with the token before it, and what follows is as if it had been drawn", async () => {
  // Nothing that the model would say: what follows depends on their KV.
  const text = Array.from({ length: 50 }, (_, i) => (i * 37 + 11) % 90);
  const drawn = await reply(new Script(text));
  // Within a page, over the end of one, over two ends, of one token, and up to the end of the text.
  const spans = [
    [1, 3],
    [5, 12],
    [18, 20],
    [39, 1],
    [41, 9],
  ] as const;
  const forced = await reply(new Script(text, spans));
  expect(forced.tokens).toEqual(drawn.tokens);
  expect(forced.tokens.slice(0, 50)).toEqual(text);
  const saved = spans.reduce((sum, [, length]) => sum + length, 0);
  expect(forced.draws).toBe(LENGTH - saved);
  // A span takes one more submit for each page that it enters in mid-span.
  expect(forced.submits).toBeLessThanOrEqual(LENGTH - saved + 5);
  // The text matters, or this would prove nothing.
  const other = await reply(new Script(text.toReversed(), spans));
  expect(other.tokens.slice(50)).not.toEqual(drawn.tokens.slice(50));
});

test("only allowed tokens are drawn, each after what the ones before it allow", async () => {
  const rule = (last: number, token: number) => token % 7 === (last + 1) % 7;
  const { vocabSize } = network.runner.decoder;
  const all = Array.from({ length: vocabSize }, (_, token) => token);
  let last = 0;
  const { tokens } = await reply({
    allowed: () => bits(all.filter((token) => rule(last, token))),
    accept: (token) => (last = token),
    forced: () => [],
  });
  for (const [i, token] of tokens.entries())
    expect(rule(i === 0 ? 0 : tokens[i - 1]!, token)).toBe(true);
  expect(new Set(tokens).size).toBeGreaterThan(3);
});

test("a reply ends at its limit in the midst of what is certain", async () => {
  const text = Array.from({ length: 30 }, (_, i) => i + 20);
  const { tokens } = await reply(new Script(text, [[1, 25]]), {
    maxTokens: 9,
  });
  expect(tokens).toEqual(text.slice(0, 9));
});

test("and at a stop token, where that is allowed", async () => {
  const text = [5, 6, 7, 8];
  const { tokens } = await reply(new Script(text, [[1, 2]]), {
    stopTokens: [8],
  });
  expect(tokens).toEqual([5, 6, 7]);
});

test("a constraint that no token meets is told apart from a model that computes no numbers", async () => {
  const nothing: TokenConstraint = {
    allowed: () => bits([]),
    accept: () => undefined,
    forced: () => [],
  };
  await expect(reply(nothing)).rejects.toThrow(
    "The model has no token for what the reply's format asks for",
  );
});

describe("a constraint that is free until a token comes", () => {
  /** Free until the token, then a text, then free again. */
  class After implements TokenConstraint {
    isFree = true;
    readonly #opens: number;
    readonly #script: Script;
    readonly #length: number;
    #at = 0;

    constructor(
      opens: number,
      ...script: ConstructorParameters<typeof Script>
    ) {
      this.#opens = opens;
      this.#script = new Script(...script);
      this.#length = script[0].length;
    }

    allowed(): Uint32Array {
      return this.isFree ? bits(everything()) : this.#script.allowed();
    }

    accept(token: number): void {
      if (!this.isFree) {
        this.#script.accept(token);
        this.isFree = ++this.#at === this.#length;
      } else if (token === this.#opens && this.#at === 0) this.isFree = false;
    }

    forced(): readonly number[] {
      return this.isFree ? [] : this.#script.forced();
    }
  }
  const everything = () =>
    Array.from({ length: network.runner.decoder.vocabSize }, (_, i) => i);

  test("changes nothing before, and what was drawn too early is dropped", async () => {
    const free = await reply();
    const at = free.tokens.findIndex(
      (token, i) => i > 5 && free.tokens.indexOf(token) === i,
    );
    const opens = free.tokens[at]!;
    const text = Array.from({ length: 20 }, (_, i) => (i * 37 + 11) % 90);
    // The same, held one step at a time from the start.
    const head = free.tokens.slice(0, at + 1);
    const held = await reply(new Script([...head, ...text]));
    for (const spans of [[], [[0, 4]], [[3, 12]]] as const) {
      const { tokens } = await reply(new After(opens, text, spans));
      expect(tokens).toEqual(held.tokens);
    }
    expect(held.tokens.slice(0, at + 21)).toEqual([...head, ...text]);
    expect(held.tokens).not.toEqual(free.tokens);
  });

  test("and nothing at all where the token never comes", async () => {
    const free = await reply();
    const never = everything().find((one) => !free.tokens.includes(one))!;
    const { tokens, draws, submits } = await reply(new After(never, [1]));
    expect([tokens, draws, submits]).toEqual([
      free.tokens,
      free.draws,
      free.submits,
    ]);
  });
});
