// A³ and Round Attention in one pass: what must come out the same, and what the reference says where it may not.
import { afterEach, describe, expect, test } from "vitest";
import type { TurnPrefillRequest } from "../../../src/engine/turn/prefill-turn";
import type { FusionVariant } from "../../../src/engine/api/replies";
import { repairMethod } from "../../../src/engine/fusion/repair";
import type { ChatToken } from "../../../src/engine/fusion/top-tokens";
import { newRound, type Round } from "../../../src/memory/round";
import { randomModel } from "../../fixtures/random-model";
import { fuse } from "../../reference/fusion";
import { encode, type PlacedTokens } from "../../reference/fusion-cache";
import { testGpu } from "../../support/gpu";
import { seededInts } from "../../support/random";
import {
  type ChatNetwork,
  exactNetwork,
  SETTINGS,
  TestChat,
} from "../../support/test-chat";
import "../../support/matchers";

const gpu = await testGpu();
const WATERSHED = 2;
const models = {
  "Llama, GQA": randomModel({ preset: "six-layers" }),
  Qwen3: randomModel({ preset: "untied-head", layers: 5 }),
};
type ModelName = keyof typeof models;
const names = Object.keys(models) as ModelName[];
const networks = Object.fromEntries(
  await Promise.all(
    names.map(async (name) => [
      name,
      await exactNetwork(gpu, models[name], { watershed: WATERSHED }),
    ]),
  ),
) as Record<ModelName, ChatNetwork>;

const variants: FusionVariant[] = [
  "rounds",
  "a3",
  "lite",
  "watershed",
  "edges",
];
/** Of the question, as in a calibrated model. */
const MASS_ROWS = 4;
const ALL = { ...SETTINGS, mode: "all" as const };
/** System prompt, three rounds, a question; pages in part filled. */
const LENGTHS = [5, 21, 18, 35, 9];

const chats: TestChat[] = [];
afterEach(() => {
  for (const chat of chats.splice(0)) chat.close();
});

/** Tokens that the model knows, the same each time. */
function tokensOf(name: ModelName): number[][] {
  const { vocabSize } = networks[name].config;
  return LENGTHS.map((length, i) => [...seededInts(length, vocabSize, 70 + i)]);
}

function chatOf(name: ModelName, tokens: readonly number[][] = []): TestChat {
  const chat = new TestChat(networks[name], { tokens });
  chats.push(chat);
  return chat;
}

/** A chat out of which the first round was taken after all were computed: the others are stale. */
async function deletedChat(name: ModelName) {
  const [system, one, two, three, question] = tokensOf(name);
  const chat = chatOf(name, [system!, one!, two!, three!]);
  await chat.ask({ settings: ALL });
  chat.pins.release();
  const [gone] = chat.rounds.splice(1, 1);
  for (const half of ["lower", "upper"] as const)
    chat.residency.drop(gone!, half);
  chat.rounds.push(newRound(4, question!));
  const stale = new Set(chat.rounds.slice(1, 3));
  return { chat, stale };
}

/** What a chat of these rounds answers that was computed as it stands. */
async function fullPrefill(name: ModelName, at: readonly number[]) {
  const tokens = tokensOf(name);
  const chat = chatOf(
    name,
    at.map((i) => tokens[i]!),
  );
  return (await chat.ask({ settings: ALL })).logits;
}

interface Repair {
  stale: ReadonlySet<Round>;
  ratio: number;
  variant?: FusionVariant;
}

/** A request that repairs, and the tokens that it had computed again. */
function repairOf({ stale, ratio, variant = "a3" }: Repair) {
  const method = repairMethod(variant, WATERSHED);
  const chosen: ChatToken[] = [];
  const request: Partial<TurnPrefillRequest> = {
    stale,
    ratio,
    settings: ALL,
    massRows: MASS_ROWS,
    method: {
      ...method,
      choose: async (input) => {
        const tokens = await method.choose(input);
        chosen.push(...tokens);
        return tokens;
      },
    },
  };
  return { request, chosen };
}

describe.each(names)("%s", (name) => {
  test.each(variants)(
    "%s with r = 1 equals a full prefill of the shorter chat",
    async (variant) => {
      const { chat, stale } = await deletedChat(name);
      const { request } = repairOf({ stale, ratio: 1, variant });
      const { logits } = await chat.ask(request);
      const expected = await fullPrefill(name, [0, 2, 3, 4]);
      expect(logits).toBeCloseToArray(expected, 2e-4);
    },
  );

  test.each([0, 0.15, 1])(
    "KV that was computed in the true context changes nothing at r = %s",
    async (ratio) => {
      const chat = chatOf(name, tokensOf(name).slice(0, 4));
      await chat.ask({ settings: ALL });
      chat.pins.release();
      chat.rounds.push(newRound(4, tokensOf(name)[4]!));
      const stale = new Set(chat.rounds.slice(1, 4));
      const { logits } = await chat.ask(repairOf({ stale, ratio }).request);
      const expected = await fullPrefill(name, [0, 1, 2, 3, 4]);
      expect(logits).toBeCloseToArray(expected, 2e-4);
    },
  );

  test("with nothing stale it is a turn, bit for bit", async () => {
    const tokens = tokensOf(name);
    const plain = await chatOf(name, tokens).ask({ settings: ALL });
    const { request } = repairOf({ stale: new Set(), ratio: 0.5 });
    const repaired = await chatOf(name, tokens).ask(request);
    expect(repaired.logits).toEqual(plain.logits);
    expect(repaired.fusion.staleRounds).toBe(0);
  });

  test.each(variants)(
    "%s computes the rows of the reference, and its logits",
    async (variant) => {
      const { chat, stale } = await deletedChat(name);
      const ratio = 0.3;
      const { request, chosen } = repairOf({ stale, ratio, variant });
      const { logits, fusion } = await chat.ask(request);

      const tokens = tokensOf(name).map((one) => Uint32Array.from(one));
      const old = encode(models[name], placed(tokens.slice(0, 4)));
      const [system, two, three, question] = placed(
        [0, 2, 3, 4].map((i) => tokens[i]!),
      ) as [PlacedTokens, PlacedTokens, PlacedTokens, PlacedTokens];
      const expected = fuse(
        models[name],
        {
          system,
          history: [
            { ...two, kv: old[2]!, isStale: true },
            { ...three, kv: old[3]!, isStale: true },
          ],
          question,
        },
        {
          variant,
          ratio,
          watershed: WATERSHED,
          massRows: Array.from(
            { length: MASS_ROWS },
            (_, i) => question.tokens.length - MASS_ROWS + i,
          ),
        },
      );
      const bases = new Map([
        [2, two.base],
        [3, three.base],
      ]);
      const rows = chosen.map(({ round, place }) => bases.get(round)! + place);
      const history = expected.rows.filter((row) => row < question.base);
      expect([...new Set(rows)].sort((a, b) => a - b)).toEqual(
        history.toSorted((a, b) => a - b),
      );
      expect(logits).toBeCloseToArray(expected.logits.at(-1)!, 2e-4);
      expect(fusion).toMatchObject({
        staleRounds: 2,
        staleTokens: 18 + 35,
        repairedTokens: history.length,
        repairedRounds: new Set(chosen.map(({ round }) => round)).size,
      });
      // A repair that chooses, and one that leaves out.
      expect(history.length).toBeLessThan(18 + 35);
    },
  );

  test("a repair in part is nearer to the full prefill than none, and neither is it", async () => {
    const expected = await fullPrefill(name, [0, 2, 3, 4]);
    const distances: number[] = [];
    for (const ratio of [0, 0.6]) {
      const { chat, stale } = await deletedChat(name);
      const { logits } = await chat.ask(repairOf({ stale, ratio }).request);
      distances.push(distance(logits, expected));
    }
    expect(distances[0]).toBeGreaterThan(distances[1]!);
    expect(distances[1]).toBeGreaterThan(1e-3);
  });

  test("rows above the watershed are those of selected rounds; others keep their upper KV", async () => {
    const { chat, stale } = await deletedChat(name);
    const [two, three] = [...stale] as [Round, Round];
    const before = await chat.bytes(two, "upper");
    const lower = await chat.bytes(two, "lower");
    const { request, chosen } = repairOf({ stale, ratio: 1 });
    const settings = { ...SETTINGS, kMin: 0, tau: 0 };
    const { attended, frame } = await chat.ask({ ...request, settings });
    // The last round always is attended to; nothing else is.
    expect(attended).toEqual([three.id]);
    expect(frame.upper.map(({ round }) => round.id)).toEqual([0, 3, 4]);
    expect(new Set(chosen.map(({ round }) => round))).toEqual(new Set([2, 3]));
    expect(await chat.bytes(two, "upper")).toEqual(before);
    expect(await chat.bytes(two, "lower")).not.toEqual(lower);
  });
});

function placed(parts: readonly Uint32Array[]): PlacedTokens[] {
  let base = 0;
  return parts.map((tokens) => {
    const at = base;
    base += tokens.length;
    return { tokens, base: at };
  });
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
