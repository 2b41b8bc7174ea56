import type { ChatStore } from "./chats";
import type { KvMemory } from "./kv-memory";
import type { ModelLoader } from "./models";
import type { NoticeSource } from "./notice";
import type { Replier } from "./replies";

/** All that an engine is asked for: its capabilities, one by one. Another engine may offer some of them. */
export interface EngineCalls
  extends ModelLoader, ChatStore, Replier, KvMemory {}

/**
 * The engine's interface: a chat from text to text. It is the same on both sides of the worker: `Engine`
 * (engine.ts) computes, `RemoteEngine` (remote-engine.ts) forwards to it by the table in calls.ts.
 */
export interface ChatEngine extends EngineCalls, NoticeSource {
  /** Releases the model, the device and the worker; ends what is going on. */
  close(): Promise<void>;
}
