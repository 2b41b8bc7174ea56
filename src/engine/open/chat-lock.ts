/**
 * Decides which tab writes which chat: a Web Lock for each open chat. The first tab gets it; others read, and
 * wait in line. The platform passes a lock on when its tab is closed or crashes.
 *
 *     tryHold ─► free?  ── yes ─► "write", held until release
 *                  └──── no ──► "read", in line ─► granted: onGranted, held until release
 */
export type ChatAccess = "write" | "read";

export interface ChatLocksOptions {
  /** The database's name; chats of other databases are locked separately. */
  name?: string;
  /** Called when this tab may write a chat that it could only read: the tab that held it has left it. */
  onGranted?: (chatId: string) => void;
  /** Default: the platform's, if it has any. Without them (null) every request is granted. */
  locks?: LockManager | null;
}

export class ChatLocks {
  readonly #name: string;
  readonly #onGranted: (chatId: string) => void;
  readonly #locks: LockManager | null;
  readonly #claims = new Map<string, Claim>();

  constructor({
    name = "rondo",
    onGranted = () => undefined,
    locks = globalThis.navigator?.locks ?? null,
  }: ChatLocksOptions = {}) {
    this.#name = name;
    this.#onGranted = onGranted;
    this.#locks = locks;
  }

  /** Requests a chat until `release`. Asking again returns the current access. */
  async tryHold(chatId: string): Promise<ChatAccess> {
    const before = this.#claims.get(chatId);
    if (before !== undefined && !before.isLeft) {
      await before.answered;
      return before.access;
    }
    const claim = new Claim();
    this.#claims.set(chatId, claim);
    claim.freed = this.#holdLock(chatId, claim, before?.freed);
    await claim.answered;
    return claim.access;
  }

  /** The current access to a requested chat; `read` if it was not requested. */
  accessTo(chatId: string): ChatAccess {
    const claim = this.#claims.get(chatId);
    return claim === undefined || claim.isLeft ? "read" : claim.access;
  }

  /** Releases a chat, or leaves the line for it. Resolves when the lock is free. */
  async release(chatId: string): Promise<void> {
    const claim = this.#claims.get(chatId);
    if (claim === undefined) return;
    claim.leave();
    await claim.freed;
    if (this.#claims.get(chatId) === claim) this.#claims.delete(chatId);
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#claims.keys()].map((id) => this.release(id)));
  }

  /** Holds the lock of a chat until the claim is left; resolves when the lock is free again. */
  async #holdLock(
    chatId: string,
    claim: Claim,
    before: Promise<void> = Promise.resolve(),
  ): Promise<void> {
    // This tab may still be releasing it: that is not another tab's lock.
    await before;
    const locks = this.#locks;
    if (locks === null) return claim.hold();
    const lockName = `${this.#name}/chats/${chatId}`;
    try {
      let isTaken = false;
      await locks.request(lockName, { ifAvailable: true }, (lock) => {
        if (lock !== null) return claim.hold();
        isTaken = true;
        return undefined;
      });
      if (!isTaken) return;
      claim.answer("read");
      await locks.request(lockName, { signal: claim.leaving }, () => {
        const held = claim.hold();
        this.#onGranted(chatId);
        return held;
      });
    } catch {
      // Left while in line; or locks are forbidden here (an opaque origin), as the database then is, too.
      if (!claim.isLeft) await claim.hold();
    }
  }
}

/** One tab's claim to one chat, from request to release. */
class Claim {
  access: ChatAccess = "read";
  /** Resolves when `access` is first known. */
  readonly answered: Promise<void>;
  /** Resolves when nothing is held any more. */
  freed: Promise<void> = Promise.resolve();
  readonly #left = new AbortController();
  readonly #hasLeft: Promise<void>;
  #setAnswered: () => void = () => undefined;

  constructor() {
    this.answered = new Promise((resolve) => (this.#setAnswered = resolve));
    this.#hasLeft = new Promise((resolve) =>
      this.leaving.addEventListener("abort", () => resolve()),
    );
  }

  get leaving(): AbortSignal {
    return this.#left.signal;
  }

  get isLeft(): boolean {
    return this.leaving.aborted;
  }

  answer(access: ChatAccess): void {
    this.access = access;
    this.#setAnswered();
  }

  /** Called with the lock; resolves when the lock can be given back. */
  hold(): Promise<void> {
    this.answer("write");
    return this.#hasLeft;
  }

  leave(): void {
    this.#left.abort();
  }
}
