/** What crosses between page and worker: one message a call, then events, then one result or error. */
import type {
  ChatEngine,
  ChatOptions,
  LoadProgress,
  MemorySnapshot,
  ModelInfo,
  ReplyEvent,
  ReplyOptions,
} from "./chat-engine";

/** Every call: its arguments, what it reports on the way, what it gives. Signals and callbacks stay on the page. */
export interface Calls {
  load: { args: [url: string]; event: LoadProgress; result: ModelInfo };
  createChat: { args: [options?: ChatOptions]; event: never; result: string };
  deleteChat: { args: [chatId: string]; event: never; result: void };
  chat: {
    args: [
      chatId: string,
      message: string,
      options?: Omit<ReplyOptions, "signal">,
    ];
    event: ReplyEvent;
    result: void;
  };
  memory: { args: []; event: never; result: MemorySnapshot };
  close: { args: []; event: never; result: void };
}

export type CallName = keyof Calls & keyof ChatEngine;

/** Page to worker. `id` names the call in all that follows. */
export type Request =
  | {
      [K in CallName]: { id: number; call: K; args: Calls[K]["args"] };
    }[CallName]
  | { id: number; call: "abort" };

/** Worker to page. */
export type Response =
  | { id: number; type: "event"; event: Calls[CallName]["event"] }
  | { id: number; type: "result"; result: Calls[CallName]["result"] }
  | { id: number; type: "error"; error: WireError };

/** An error as it crosses: its class by name. */
export interface WireError {
  name: string;
  message: string;
  stack?: string | undefined;
  problem?: unknown;
}
