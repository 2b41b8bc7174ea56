/** A reply over rounds as they stand, all of them attended to: prefill and decode steps without a turn around them. */
import { pendingSpans, type Runner } from "../../src/engine/run/runner";
import { Reply, type ReplyParts } from "../../src/engine/reply/reply";
import { placeRounds } from "../../src/memory/page-table";
import { missingPages, type Round } from "../../src/memory/round";
import { fitRound, reservePages } from "./rounds";
import { GREEDY } from "./test-chat";

export interface PreparedReply {
  reply: Reply;
  /** Computes what lacks KV and draws the first token. */
  prefill: () => Promise<void>;
}

/** @param rounds with their pages; the last one is the reply's */
export function prepareReply(
  runner: Runner,
  rounds: readonly Round[],
  ring: ReplyParts["ring"],
  more: Partial<ReplyParts> = {},
): PreparedReply {
  const placed = placeRounds(rounds);
  const frame = { lower: placed, upper: placed };
  const own = rounds.at(-1)!;
  const { cache } = runner;
  const makeRoom = async (tokens: number) => {
    const missing = missingPages(own.lower, tokens);
    if (missing === 0) return;
    await reservePages(cache, missing);
    fitRound(own, tokens, cache);
  };
  const parts = { settings: GREEDY, ring, makeRoom, ...more };
  const reply = new Reply(runner, frame, parts);
  return {
    reply,
    async prefill() {
      const rows = pendingSpans(placed);
      const job = { frame, rows, first: reply.first() };
      for await (const _ of runner.prefill(job)) void _;
    },
  };
}
