import type { ChatStore } from "./chats";
import type { KvMemory } from "./kv-memory";
import type { ModelLoader } from "./models";
import type { NoticeSource } from "./notice";
import type { Replier } from "./replies";

/**
 * The engine's interface: a chat from text to text. It is the same on both sides of the worker: `Engine`
 * (engine.ts) computes, `RemoteEngine` (remote-engine.ts) forwards to it. It falls into capabilities, so that
 * another engine can offer some of them.
 */
export interface ChatEngine
  extends ModelLoader, ChatStore, Replier, KvMemory, NoticeSource {
  /** Releases the model, the device and the worker. */
  close(): Promise<void>;
}
