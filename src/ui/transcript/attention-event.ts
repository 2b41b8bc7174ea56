/**
 * Asks to show which rounds a reply attended to, to go to one of them, or back. Stays inside `<rondo-transcript>`,
 * which has them all.
 */
export class AttentionEvent extends Event {
  static readonly type = "rondo-attention";
  readonly action: "toggle" | "go" | "back";
  /** The page's id: of the reply's round for `toggle`, of the other for `go`. */
  readonly roundId: number;

  constructor(action: AttentionEvent["action"], roundId: number) {
    super(AttentionEvent.type, { bubbles: true, composed: true });
    this.action = action;
    this.roundId = roundId;
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-attention": AttentionEvent;
  }
}
