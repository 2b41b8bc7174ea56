/** What the parts of the panel ask of `<rondo-memory>`; the event does not leave it. */
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

declare global {
  interface HTMLElementEventMap {
    "rondo-memory-request": MemoryRequestEvent;
  }
}
