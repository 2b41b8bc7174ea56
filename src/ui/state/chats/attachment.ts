import type { RestoreProgress } from "../../../engine/api/kv-memory";

/** A document that is being attached. */
export interface Attachment {
  readonly name: string;
  /** Progress of the prefill; undefined before it begins. */
  readonly progress?: RestoreProgress;
  readonly stop: () => void;
}
