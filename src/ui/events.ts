/** The events that `<rondo-chat>` sends to its page. They bubble. */
import type { Round } from "./round";

/** Where the model stands: no model asked for, coming, there, not loadable, or no WebGPU for it. */
export type ChatState = "idle" | "loading" | "ready" | "failed" | "unavailable";

/** A reply has ended, by itself or because it was stopped. */
export class RoundEvent extends Event {
  static readonly type = "rondo-round";
  /** The page's name for the chat, the same for all its rounds. */
  readonly conversationId: number;
  readonly round: Round;

  constructor(conversationId: number, round: Round) {
    super(RoundEvent.type, { bubbles: true, composed: true });
    this.conversationId = conversationId;
    this.round = round;
  }
}

/** The model could not be loaded, a reply broke off, or a chat could not be deleted. The element shows it too. */
export class ChatErrorEvent extends Event {
  static readonly type = "rondo-error";
  readonly error: Error;
  readonly during: "load" | "reply" | "delete";

  constructor(error: Error, during: ChatErrorEvent["during"]) {
    super(ChatErrorEvent.type, { bubbles: true, composed: true });
    this.error = error;
    this.during = during;
  }
}

/** `state` of the element has changed. */
export class StateEvent extends Event {
  static readonly type = "rondo-state";
  readonly state: ChatState;

  constructor(state: ChatState) {
    super(StateEvent.type, { bubbles: true, composed: true });
    this.state = state;
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-round": RoundEvent;
    "rondo-error": ChatErrorEvent;
    "rondo-state": StateEvent;
  }
}
