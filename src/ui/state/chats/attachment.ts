import type { RestoreProgress } from "../../../engine/api/kv-memory";

/** A document on its way into a chat. */
export interface Attachment {
  readonly name: string;
  /** How much of it the model has read; undefined before that begins. */
  readonly progress?: RestoreProgress;
  readonly stop: () => void;
}
