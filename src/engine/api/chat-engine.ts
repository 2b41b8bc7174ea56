import type { ChatStore } from "./chats";
import type { KvMemory } from "./kv-memory";
import type { ModelLoader } from "./models";
import type { NoticeSource } from "./notice";
import type { Replier } from "./replies";

/** Everything an engine can do, capability by capability. Another engine may offer only some of these. */
export interface EngineCalls
  extends ModelLoader, ChatStore, Replier, KvMemory {}

/**
 * The engine's interface: a chat from text to text. It is the same on both sides of the worker: `Engine`
 * (engine.ts) computes, `RemoteEngine` (remote-engine.ts) forwards to it by the table in calls.ts. Each method
 * refuses options that it does not have (options.ts): a RangeError names them.
 */
export interface ChatEngine extends EngineCalls, NoticeSource {
  /** Ends whatever is running, and releases the model, the device and the worker. */
  close(): Promise<void>;
}
