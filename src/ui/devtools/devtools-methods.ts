/**
 * The methods that a DevTools panel may call: those of MemorySource, and no others of the engine. Arguments come from
 * outside the page and are checked first.
 */
import * as v from "valibot";
import type { MemorySource, VerifyOptions } from "../../engine/api/kv-memory";
import type { SourceMethod } from "./devtools-protocol";

type Method = (
  source: MemorySource,
  args: unknown,
  options: VerifyOptions,
) => Promise<unknown>;

const chatId = v.string();
const roundId = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const memoryOptions = v.strictObject({
  chatId: v.optional(chatId),
  withText: v.optional(v.boolean()),
});
const deleteOptions = v.strictObject({
  isFast: v.exactOptional(v.boolean()),
});

const METHODS: Record<SourceMethod, Method> = {
  memory: method([v.optional(memoryOptions)], (source, [options]) =>
    source.memory(options),
  ),
  verify: method([chatId, roundId], (source, [chat, round], options) =>
    source.verify(chat, round, options),
  ),
  pinRound: method(
    [chatId, roundId, v.boolean()],
    (source, [chat, round, isPinned]) => source.pinRound(chat, round, isPinned),
  ),
  evictRound: method([chatId, roundId], (source, [chat, round]) =>
    source.evictRound(chat, round),
  ),
  wipeKv: method([v.optional(chatId)], (source, [chat]) => source.wipeKv(chat)),
  deleteRound: method(
    [chatId, roundId, v.optional(deleteOptions)],
    (source, [chat, round, options]) =>
      source.deleteRound(chat, round, options),
  ),
};

/**
 * @param options of `verify`; the other methods have none that would not be JSON
 * @throws TypeError where there is no such method, or arguments are not what it takes; else what it throws
 */
export async function callMethod(
  source: MemorySource,
  name: string,
  argsJson: string,
  options: VerifyOptions,
): Promise<unknown> {
  if (!Object.hasOwn(METHODS, name))
    throw new TypeError(`A DevTools panel cannot call ${name}.`);
  const call = METHODS[name as SourceMethod];
  let args: unknown;
  try {
    args = JSON.parse(argsJson);
  } catch {
    throw new TypeError(`${name}: the arguments are not JSON.`);
  }
  try {
    return await call(source, args, options);
  } catch (error) {
    if (!v.isValiError(error)) throw error;
    const [issue] = error.issues;
    const path = v.getDotPath(issue);
    const where = path === null ? "the arguments" : `argument ${path}`;
    throw new TypeError(`${name}: ${where}: ${issue.message}`);
  }
}

function method<const Items extends v.TupleItems>(
  items: Items,
  call: (
    source: MemorySource,
    args: v.InferOutput<v.StrictTupleSchema<Items, undefined>>,
    options: VerifyOptions,
  ) => Promise<unknown>,
): Method {
  const schema = v.strictTuple(items);
  return async (source, args, options) =>
    call(source, v.parse(schema, args), options);
}
