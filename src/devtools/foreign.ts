/**
 * Validates answers of the inspected page, which may answer anything. Whatever lacks the shape that the panel relies
 * on becomes an error here.
 */
import * as v from "valibot";
import type { ChatHistory } from "../engine/api/chats";
import type { VerifyReport } from "../engine/api/kv-memory";
import type { MemorySnapshot } from "../engine/api/memory-snapshot";
import type { HookMessage, Taken } from "../ui/devtools/devtools-protocol";

/** The page's answer has another shape than expected. */
class ForeignAnswerError extends Error {
  override readonly name = "ForeignAnswerError";
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const name = v.pipe(v.string(), v.maxLength(1000));

/** Loose: listeners ignore unknown notices of newer pages. */
const notice = v.looseObject({
  type: name,
  chatId: v.optional(v.string()),
});

const taken = v.object({
  version: v.number(),
  hookId: name,
  engines: v.array(v.object({ id: count, name })),
  messages: v.array(
    v.variant("type", [
      v.object({
        type: v.literal("progress"),
        callId: count,
        progress: v.object({ doneTokens: v.number(), totalTokens: v.number() }),
      }),
      v.object({
        type: v.literal("result"),
        callId: count,
        result: v.exactOptional(v.unknown()),
      }),
      v.object({
        type: v.literal("error"),
        callId: count,
        error: v.object({ name, message: v.string() }),
      }),
      v.object({ type: v.literal("notice"), engineId: count, notice }),
    ]),
  ),
});

/** What a loose schema asks for by name. */
type Outline<T> = T extends readonly (infer E)[]
  ? Outline<E>[]
  : T extends object
    ? { [K in keyof T as string extends K ? never : K]: Outline<T[K]> }
    : T;

/** The engine's type. Does not compile where the schema asks for what that does not have. */
type Fits<
  Whole extends Outline<v.InferOutput<Schema>>,
  Schema extends v.GenericSchema,
> = Whole;

const pages = {
  pageCount: v.number(),
  freePages: v.number(),
  bytesPerPage: v.number(),
};
const pool = v.looseObject({
  ...pages,
  local: v.optional(v.looseObject(pages)),
});

const half = v.looseObject({
  residentTokens: v.number(),
  gpuBytes: v.number(),
  storedBytes: v.number(),
  isInUse: v.boolean(),
});

/** The nested parts of a snapshot, and their ids. */
const snapshot = v.looseObject({
  takenMs: v.number(),
  gpu: v.optional(
    v.looseObject({
      budgetBytes: v.number(),
      bytes: v.record(v.string(), v.number()),
      lower: pool,
      upper: pool,
      buffers: v.array(v.looseObject({ label: v.string(), bytes: v.number() })),
      device: v.looseObject({
        features: v.array(v.string()),
        limits: v.record(v.string(), v.number()),
        canary: v.array(v.looseObject({ kernel: v.string() })),
      }),
    }),
  ),
  model: v.optional(v.looseObject({ name: v.string() })),
  storage: v.looseObject({ chatCount: v.number(), segmentBytes: v.number() }),
  chat: v.optional(
    v.looseObject({
      chatId: v.string(),
      title: v.optional(v.string()),
      rounds: v.array(
        v.looseObject({
          id: count,
          parentId: v.nullable(count),
          kind: v.picklist(["system", "round", "document"]),
          tokens: v.number(),
          lower: half,
          upper: half,
          mass: v.optional(v.number()),
          text: v.optional(v.string()),
        }),
      ),
      shownIds: v.array(count),
    }),
  ),
  turns: v.array(
    v.looseObject({
      chatId: v.string(),
      roundId: count,
      startedMs: v.number(),
      receipt: v.looseObject({
        kv: v.looseObject({
          attention: v.looseObject({
            attended: v.array(v.looseObject({ id: count })),
          }),
          fusion: v.looseObject({}),
          phases: v.looseObject({}),
        }),
      }),
    }),
  ),
});

const divergence = v.object({
  sameTop1: v.number(),
  meanKl: v.number(),
  maxKl: v.number(),
});

const report: v.GenericSchema<unknown, VerifyReport> = v.object({
  chatId: v.string(),
  roundId: count,
  positions: v.number(),
  ...divergence.entries,
  selection: divergence,
  reuse: divergence,
  mass: v.array(v.array(v.number())),
  roundIds: v.array(count),
  tookMs: v.number(),
});

const history = v.looseObject({
  summary: v.looseObject({ id: v.string(), title: v.string() }),
  access: v.picklist(["write", "read"]),
  rounds: v.array(v.looseObject({ id: count, message: v.string() })),
});

/** @throws ForeignAnswerError */
export function takenFrom(value: unknown): Taken {
  if (typeof value !== "string")
    throw new ForeignAnswerError(`Its hook gave ${kindOf(value)}, not text.`);
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    throw new ForeignAnswerError("Its hook gave text that is not JSON.");
  }
  const { messages, ...about } = checked(taken, json, "Its hook");
  return { ...about, messages: messages as HookMessage[] };
}

/** The version in a hook's answer, whatever else it holds. */
export function versionOf(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), v.object({ version: v.number() })),
    value,
  );
  return result.success ? result.output.version : undefined;
}

/**
 * Checks the outline only; a missing or mistyped figure is shown as such.
 *
 * @throws ForeignAnswerError
 */
export function snapshotFrom(value: unknown): MemorySnapshot {
  const found: unknown = checked(snapshot, value, "Its memory");
  return found as Fits<MemorySnapshot, typeof snapshot>;
}

/** @throws ForeignAnswerError */
export function reportFrom(value: unknown): VerifyReport {
  return checked(report, value, "Its report");
}

/** @throws ForeignAnswerError */
export function historyFrom(value: unknown): ChatHistory {
  const found: unknown = checked(history, value, "Its chat");
  return found as Fits<ChatHistory, typeof history>;
}

function checked<T>(
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
  what: string,
): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const where = path === null ? what : `${what}, ${path}`;
  throw new ForeignAnswerError(
    `${where}: expected ${issue.expected ?? "another value"}, found ${issue.received}.`,
  );
}

function kindOf(value: unknown): string {
  return value === null ? "nothing" : typeof value;
}
