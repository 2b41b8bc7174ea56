/**
 * How each method of an engine is called. What stands between a page and its engine (a worker, elements that
 * share one) forwards by this table, so that a method is written down in three places: its interface beside
 * this file, here, and in the engine.
 */
import type { EngineCalls } from "./chat-engine";

export type CallName = keyof EngineCalls;

export interface CallShape {
  /**
   * - `plain`: arguments in, a promise of the result out
   * - `signal`: its options have a signal that ends it
   * - `progress`: these, and a callback for progress
   * - `stream`: these, and it returns events as they come instead of a promise
   */
  kind: "plain" | "signal" | "progress" | "stream";
  /** Which argument its options are; undefined where they have no signal and no callback. */
  options?: number;
  /** Whether it changes what was said in a chat: the one who has that open must ask. */
  writes?: boolean;
}

const plain = { kind: "plain" } as const;
const write = { kind: "plain", writes: true } as const;

export const CALLS = {
  load: { kind: "progress", options: 1 },
  planModel: { kind: "signal", options: 1 },
  listModels: plain,
  deleteModel: plain,

  listChats: plain,
  searchChats: { kind: "signal", options: 1 },
  createChat: plain,
  openChat: plain,
  leaveChat: plain,
  renameChat: plain,
  deleteChat: plain,
  exportChat: plain,
  importChat: plain,
  addMessage: write,
  showVersion: write,
  moveRound: write,
  deleteRound: write,
  setSystem: write,

  chat: { kind: "stream", options: 2, writes: true },
  reply: { kind: "stream", options: 2, writes: true },
  attach: { kind: "progress", options: 2, writes: true },

  memory: plain,
  verify: { kind: "progress", options: 2 },
  restoreChat: { kind: "progress", options: 1 },
  pinRound: write,
  evictRound: plain,
  wipeKv: plain,
  setHealing: plain,
} as const satisfies { [K in CallName]: ShapeOf<EngineCalls[K]> };

/** The shape that a method must have, by its type. */
type ShapeOf<Method> = Method extends (...args: infer Args) => infer Result
  ? Result extends AsyncIterable<unknown>
    ? CallShape & { kind: "stream"; options: number }
    : Args extends []
      ? CallShape & { kind: "plain" }
      : LastOf<Required<Args>> extends { onProgress?: unknown }
        ? CallShape & { kind: "progress"; options: number }
        : LastOf<Required<Args>> extends { signal?: AbortSignal | undefined }
          ? CallShape & { kind: "signal"; options: number }
          : CallShape & { kind: "plain" }
  : never;

type LastOf<Args extends readonly unknown[]> = Args extends readonly [
  ...unknown[],
  infer Last,
]
  ? Last
  : never;

/** What of its options stays with the caller. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: never) => void) | undefined;
}

/**
 * An engine whose methods hand their name and their arguments to `forward`. It gives what the method gives: a
 * promise, or, for a stream, events.
 */
abstract class Forwarder {
  abstract forward(name: CallName, args: readonly unknown[]): unknown;
}

for (const name of Object.keys(CALLS) as CallName[])
  Object.defineProperty(Forwarder.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Forwarder, ...args: unknown[]) {
      return this.forward(name, args);
    },
  });

export const ForwardingEngine =
  Forwarder as unknown as abstract new () => EngineCalls;

/** Arguments without what stays with the caller, and that. */
export function splitOptions(
  name: CallName,
  args: readonly unknown[],
): { args: unknown[]; options: CallOptions } {
  const { options: at }: CallShape = CALLS[name];
  const given = at === undefined ? undefined : args[at];
  if (at === undefined || given === undefined)
    return { args: [...args], options: {} };
  const { signal, onProgress, ...rest } = given as CallOptions;
  return { args: args.toSpliced(at, 1, rest), options: { signal, onProgress } };
}

/** Arguments with what belongs to the one who makes the call. */
export function joinOptions(
  name: CallName,
  args: readonly unknown[],
  { signal, onProgress }: CallOptions,
): unknown[] {
  const { kind, options: at }: CallShape = CALLS[name];
  if (at === undefined) return [...args];
  const given = args[at] as object | undefined;
  const callback = kind === "progress" && { onProgress };
  return args.toSpliced(at, 1, { ...given, signal, ...callback });
}
