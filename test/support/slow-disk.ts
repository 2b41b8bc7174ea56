/**
 * A disk under the store that answers late and out of order, refuses, or dies with its page. It stands before
 * the real IndexedDB: each transaction waits, then happens whole, is refused, or never comes.
 */
import { onTestFinished, vi } from "vitest";
import { Database } from "../../src/store/database";
import { StoreError } from "../../src/util/errors";
import { someTurns } from "./event-loop";

export interface SlowDisk {
  /** The share of transactions that are refused. */
  refusing: number;
  /** What was refused, as the store names it. */
  readonly refused: string[];
  /** Has nothing more be written or answered of what was asked so far, as when the page dies. */
  crash: () => void;
}

/** Turns of the event loop that a transaction waits before and after, at most. */
const MOST_TURNS = 4;

/** Until the test is over all databases are on this disk. */
export function slowDisk(random: () => number): SlowDisk {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its object below
  const run = Database.prototype.run as (
    this: Database,
    ...given: unknown[]
  ) => Promise<unknown>;
  let page = { isDead: false, databases: new Set<Database>() };
  const disk: SlowDisk = {
    refusing: 0,
    refused: [],
    crash() {
      page.isDead = true;
      for (const database of page.databases) database.close();
      page = { isDead: false, databases: new Set() };
    },
  };

  async function slowRun(this: Database, ...given: unknown[]) {
    const own = page;
    own.databases.add(this);
    const answer = async () => {
      await someTurns(random, MOST_TURNS);
      if (own.isDead) await never();
    };
    await answer();
    if (random() < disk.refusing) {
      disk.refused.push(String(given[0]));
      const reason = random() < 0.5 ? "quota" : "failed";
      throw new StoreError(reason, `The disk refuses to ${String(given[0])}.`);
    }
    const result = await run.apply(this, given);
    await answer();
    return result;
  }

  const spy = vi.spyOn(Database.prototype, "run").mockImplementation(slowRun);
  onTestFinished(() => spy.mockRestore());
  return disk;
}

function never(): Promise<void> {
  return new Promise(() => undefined);
}
