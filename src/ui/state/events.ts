/** Events of `<rondo-chat>`. They bubble. */
import type { ChatState } from "./models/model-loading";
import type { Operation } from "./chats/operation";
import type { Round } from "./chats/round";
import type { Settings } from "./settings/settings";

export type { ChatState, Operation };

/** A reply has ended, by itself or because it was stopped. */
export class RoundEvent extends Event {
  static readonly type = "rondo-round";
  /** The id of the chat. */
  readonly chatId: string;
  readonly round: Round;

  constructor(chatId: string, round: Round) {
    super(RoundEvent.type, { bubbles: true, composed: true });
    this.chatId = chatId;
    this.round = round;
  }
}

/** A message is sent, by the user or by `send()`. Its reply may have to wait for other turns. */
export class SentEvent extends Event {
  static readonly type = "rondo-message";
  /** The id of the chat; undefined until its first turn begins. */
  readonly chatId: string | undefined;
  readonly message: string;

  constructor(chatId: string | undefined, message: string) {
    super(SentEvent.type, { bubbles: true, composed: true });
    this.chatId = chatId;
    this.message = message;
  }
}

/** The user has changed settings. */
export class SettingsEvent extends Event {
  static readonly type = "rondo-settings";
  /** The settings now in force, including the element's attributes. */
  readonly settings: Settings;

  constructor(settings: Settings) {
    super(SettingsEvent.type, { bubbles: true, composed: true });
    this.settings = settings;
  }
}

/** Another chat is shown. */
export class ShowEvent extends Event {
  static readonly type = "rondo-show";
  /** The id of the chat; undefined while it has no messages. */
  readonly chatId: string | undefined;

  constructor(chatId: string | undefined) {
    super(ShowEvent.type, { bubbles: true, composed: true });
    this.chatId = chatId;
  }
}

/** The model could not be loaded, a reply broke off, or something else with a chat failed. The element shows it too. */
export class ChatErrorEvent extends Event {
  static readonly type = "rondo-error";
  readonly error: Error;
  readonly during: Operation;

  constructor(error: Error, during: Operation) {
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
  interface GlobalEventHandlersEventMap {
    "rondo-round": RoundEvent;
    "rondo-message": SentEvent;
    "rondo-settings": SettingsEvent;
    "rondo-show": ShowEvent;
    "rondo-error": ChatErrorEvent;
    "rondo-state": StateEvent;
  }
}
