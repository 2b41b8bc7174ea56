/**
 * How each method of an engine is called. Whatever lies between a page and its engine (the worker, a shared
 * engine) forwards calls by this table. A method is therefore written in three places: its interface beside this
 * file, this table, and the engine.
 */
import type { EngineCalls } from "./chat-engine";

export type CallName = keyof EngineCalls;

export interface CallShape {
  /**
   * - `plain`: arguments in, a promise of the result out
   * - `signal`: the options have an AbortSignal
   * - `progress`: the options have an AbortSignal and a callback for progress
   * - `stream`: the options have an AbortSignal; the method returns an async iterable of events
   */
  kind: "plain" | "signal" | "progress" | "stream";
  /** Index of the options argument; undefined for methods without a signal or callback. */
  options?: number;
  /** Whether the method changes a chat's text, so that only the tab that writes the chat may call it. */
  writes?: boolean;
}

const plain = { kind: "plain" } as const;
const write = { kind: "plain", writes: true } as const;

export const CALLS = {
  load: { kind: "progress", options: 1 },
  planModel: { kind: "signal", options: 1 },
  keepModel: { kind: "progress", options: 1 },
  listModels: plain,
  deleteModel: plain,
  countTokens: plain,

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
  addRounds: write,
  showVersion: write,
  moveRound: write,
  deleteRound: write,
  setSystem: write,
  setTools: write,

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

/** The call shape that a method's type requires. */
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

/** The options that stay on the caller's side: functions and signals can't be cloned. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: never) => void) | undefined;
}

/**
 * An engine whose methods pass their name and arguments to `forward`, and return what it returns: a promise or,
 * for a stream, events.
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

/** Splits arguments into those to send and the options that stay on the caller's side. */
export function splitOptions(
  name: CallName,
  args: readonly unknown[],
): { args: unknown[]; options: CallOptions } {
  const { kind, options: at }: CallShape = CALLS[name];
  const given = at === undefined ? undefined : args[at];
  // What is no object goes to the engine, which refuses it.
  if (at === undefined || Object(given) !== given)
    return { args: [...args], options: {} };
  const options: Record<string, unknown> = {};
  const sent: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given as object)) {
    if (key === "signal" || (kind === "progress" && key === "onProgress"))
      options[key] = value;
    // Any other callback or signal can't be cloned. The engine will refuse its name.
    else sent[key] = isUncloneable(value) ? null : value;
  }
  return { args: args.toSpliced(at, 1, sent), options };
}

function isUncloneable(value: unknown): boolean {
  return typeof value === "function" || value instanceof AbortSignal;
}

/** Puts the caller's options back into the arguments. */
export function joinOptions(
  name: CallName,
  args: readonly unknown[],
  { signal, onProgress }: CallOptions,
): unknown[] {
  const { kind, options: at }: CallShape = CALLS[name];
  if (at === undefined) return [...args];
  const given = args[at] as object | undefined;
  if (given !== undefined && Object(given) !== given) return [...args];
  const callback = kind === "progress" && { onProgress };
  return args.toSpliced(at, 1, { ...given, signal, ...callback });
}
