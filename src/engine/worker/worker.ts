/** The worker that runs the engine: takes calls, streams events, returns results, passes notices on. */
import { CALLS, type CallName, joinOptions } from "../api/calls";
import { Engine } from "../engine";
import type { Request, Response } from "./protocol";
import { toWire } from "./wire-error";

type Call = Extract<Request, { args: unknown[] }>;

const engine = new Engine();
const running = new Map<number, AbortController>();

engine.onNotice((notice) => post({ type: "notice", notice }));

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.call === "ping") post({ type: "pong" });
  else if (data.call === "abort")
    running
      .get(data.id)
      ?.abort(new DOMException("The caller aborted.", "AbortError"));
  else void answer(data);
});

async function answer(request: Call): Promise<void> {
  const { id } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await perform(request, controller.signal);
    post({ id, type: "result", result });
  } catch (error) {
    post({ id, type: "error", error: toWire(error) });
  } finally {
    running.delete(id);
  }
}

async function perform(
  { id, call, args }: Call,
  signal: AbortSignal,
): Promise<unknown> {
  if (call === "close") return engine.close();
  if (!Object.hasOwn(CALLS, call)) throw new Error(`There is no call ${call}.`);
  const onEvent = (event: unknown) => post({ id, type: "event", event });
  const method = engine[call].bind(engine) as (...args: unknown[]) => unknown;
  const result = method(
    ...joinOptions(call, args, { signal, onProgress: onEvent }),
  );
  if (CALLS[call satisfies CallName].kind !== "stream") return result;
  for await (const event of result as AsyncIterable<unknown>) onEvent(event);
  return undefined;
}

function post(response: Response): void {
  postMessage(response);
}
