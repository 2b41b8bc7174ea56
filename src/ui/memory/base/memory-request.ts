/** Events of the memory panel: requests, which stay inside `<rondo-memory>`, and one that leaves it. */
export type MemoryRequest =
  | { type: "show-round"; roundId: number | undefined }
  | { type: "pin"; roundId: number; isPinned: boolean }
  | { type: "evict"; roundId: number }
  | { type: "delete"; roundId: number; isFast: boolean }
  | { type: "verify"; roundId: number }
  | { type: "cancel-verify" }
  | { type: "wipe"; scope: "chat" | "all" };

export class MemoryRequestEvent extends Event {
  static readonly type = "rondo-memory-request";
  readonly request: MemoryRequest;

  constructor(request: MemoryRequest) {
    super(MemoryRequestEvent.type, { bubbles: true, composed: true });
    this.request = request;
  }
}

/** A round was deleted through the panel; a chat element that shows it should read the chat again. */
export class RoundDeletedEvent extends Event {
  static readonly type = "rondo-round-deleted";
  readonly chatId: string;
  readonly roundId: number;

  constructor(chatId: string, roundId: number) {
    super(RoundDeletedEvent.type, { bubbles: true, composed: true });
    this.chatId = chatId;
    this.roundId = roundId;
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-round-deleted": RoundDeletedEvent;
    "rondo-memory-request": MemoryRequestEvent;
  }
}
