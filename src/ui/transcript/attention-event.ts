/**
 * The reader wants to see which rounds a reply attended to, to go to one of them, or to go back. It does not
 * leave `<rondo-transcript>`, which knows where they all are.
 */
export class AttentionEvent extends Event {
  static readonly type = "rondo-attention";
  readonly wish: "toggle" | "go" | "back";
  /** By the page's name: the reply's round for `toggle`, the other one for `go`. */
  readonly roundId: number;

  constructor(wish: AttentionEvent["wish"], roundId: number) {
    super(AttentionEvent.type, { bubbles: true, composed: true });
    this.wish = wish;
    this.roundId = roundId;
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-attention": AttentionEvent;
  }
}
