/**
 * The options that each method of an engine takes, by name. Any other name is refused: it is a typo, or stands one
 * object too high or too low, and would go unnoticed. A new option does not compile until it is listed here.
 */
import { lazyPart } from "../../util/lazy-part";
import { ownValue } from "../../util/own-value";
import { wrongArgument } from "./arguments";
import { CALLS, type CallName } from "./calls";
import type { EngineCalls } from "./chat-engine";
import type { RestoreOptions } from "./kv-memory";
import type { PlanOptions } from "./models";
import type { ReplyOptions } from "./replies";
import type { OptionNames } from "./unknown-option";

/** The names of an object of options: 1, or for a group of options the names in it. */
type Names<Options> = {
  readonly [K in keyof Required<Options>]: IsGroup<
    NonNullable<Options[K]>
  > extends true
    ? Names<NonNullable<Options[K]>>
    : 1;
};

/** Objects with names of our own, rather than the platform's objects, callbacks, lists and records by number. */
type IsGroup<Value> = Value extends
  AbortSignal | readonly unknown[] | ((...args: never[]) => unknown)
  ? false
  : Value extends object
    ? number extends keyof Value
      ? false
      : true
    : false;

type AnyOptions = readonly [at: number, names: OptionNames];

/** The last argument's place and names, if it is an object whose values may all be left out. */
type OptionsOf<Method> = Method extends (...args: infer Args) => unknown
  ? Required<Args> extends readonly [...infer Before, infer Last extends object]
    ? Partial<Last> extends Last
      ? readonly [at: Before["length"], names: Names<Last>]
      : never
    : never
  : never;

const PLAN: Names<PlanOptions> = {
  weightBits: 1,
  memoryBudgetBytes: 1,
  contextTokens: 1,
  hubToken: 1,
  hubUrl: 1,
  signal: 1,
};

const WITH_PROGRESS: Names<RestoreOptions> = { onProgress: 1, signal: 1 };

const REPLY: Names<ReplyOptions> = {
  sampler: {
    temperature: 1,
    topK: 1,
    topP: 1,
    minP: 1,
    repetitionPenalty: 1,
    presencePenalty: 1,
    frequencyPenalty: 1,
    logitBias: 1,
    seed: 1,
  },
  attention: { mode: 1, tau: 1, kMin: 1, budgetBytes: 1, pinned: 1 },
  fusion: { variant: 1, ratio: 1 },
  thinks: 1,
  responseFormat: 1,
  toolChoice: 1,
  maxTokens: 1,
  stop: 1,
  topLogprobs: 1,
  signal: 1,
};

const PLACE = { place: { behind: 1, before: 1 } } as const;
const MESSAGE = { ...PLACE, results: 1 } as const;

/** Of each method with options: which argument they are, and their names. */
const OPTIONS: {
  readonly [
    K in CallName as OptionsOf<EngineCalls[K]> extends never ? never : K
  ]: OptionsOf<EngineCalls[K]>;
} = {
  load: [1, { ...PLAN, selection: 1, refresh: 1, onProgress: 1 }],
  planModel: [1, PLAN],
  keepModel: [1, WITH_PROGRESS],
  listChats: [0, { owner: 1 }],
  searchChats: [1, { signal: 1 }],
  createChat: [0, { system: 1, tools: 1, history: 1, owner: 1 }],
  exportChat: [1, { withKv: 1, format: 1 }],
  importChat: [1, { withKv: 1 }],
  addMessage: [2, MESSAGE],
  addRounds: [2, PLACE],
  deleteRound: [2, { isFast: 1 }],
  chat: [2, { ...REPLY, ...MESSAGE }],
  reply: [2, REPLY],
  attach: [2, WITH_PROGRESS],
  memory: [0, { chatId: 1, withText: 1 }],
  verify: [2, WITH_PROGRESS],
  restoreChat: [1, WITH_PROGRESS],
};

/** Has every method of an engine refuse unknown options and wrong arguments before it does anything. */
export function checkCalls(engine: EngineCalls): void {
  for (const call of Object.keys(CALLS) as CallName[]) {
    const [at, names] =
      (OPTIONS as Partial<Record<CallName, AnyOptions>>)[call] ?? [];
    const method = Reflect.get(engine, call) as (...args: unknown[]) => unknown;
    const value = function (this: unknown, ...args: unknown[]): unknown {
      const path = names && unknownName(names, args[at!]);
      const wrong = path ? undefined : wrongArgument(call, args, at);
      if (path === undefined && wrong === undefined)
        return method.apply(this, args);
      const refusing = () =>
        path ? refuse(call, names, path) : refuseValue(call, wrong!);
      return CALLS[call].kind === "stream" ? failing(refusing) : refusing();
    };
    Object.defineProperty(engine, call, { value });
  }
}

/**
 * The path of a name that `given` may not have, or of what should be an object; undefined if there is none. A name
 * without a value counts as not given.
 */
export function unknownName(
  names: OptionNames,
  given: unknown,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  if (Object(given) !== given) return [];
  for (const [name, value] of Object.entries(given as object)) {
    if (value === undefined) continue;
    const known = ownValue(names, name);
    if (known === undefined) return [name];
    const inside = known === 1 ? undefined : unknownName(known, value);
    if (inside !== undefined) return [name, ...inside];
  }
  return undefined;
}

const refuse = lazyPart(async () => {
  const { unknownOption } = await import("./unknown-option");
  return (...about: Parameters<typeof unknownOption>): never => {
    throw unknownOption(...about);
  };
});

const refuseValue = lazyPart(async () => {
  const { wrongValue } = await import("./unknown-option");
  return (...about: Parameters<typeof wrongValue>): never => {
    throw wrongValue(...about);
  };
});

async function* failing(
  refusing: () => Promise<never>,
): AsyncGenerator<never, void> {
  await refusing();
}
