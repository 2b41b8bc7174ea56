// Joining what the page shows with what the engine has, of a chat of any length.
import { expect, test } from "vitest";
import type {
  ChatHistory,
  HistoryRound,
} from "../../../../src/engine/api/chats";
import { joined } from "../../../../src/ui/state/chats/history";
import type { Round } from "../../../../src/ui/state/chats/round";
import { keptChat } from "../../../support/kept-chat";

let lastId = 0;
const nextId = () => ++lastId;

const said = (count: number) =>
  Array.from({ length: count }, (_, i): [string, string] => [
    `Question ${i + 1}`,
    `Answer ${i + 1}`,
  ]);

/** Counts how often a field of the shown rounds is read. */
function counted(rounds: readonly Round[], field: keyof Round) {
  const reads = { count: 0 };
  const watched = rounds.map((round) =>
    Object.defineProperty({ ...round }, field, {
      get: () => (reads.count++, round[field]),
      enumerable: true,
    }),
  );
  return { watched, reads };
}

/** The same rounds as on another branch: with other ids, from the second on. */
function copied({ rounds, ...chat }: ChatHistory, by: number): ChatHistory {
  const copy = (round: HistoryRound): HistoryRound => {
    const id = round.id + by;
    return { ...round, id, versions: [id] };
  };
  const [first, ...later] = rounds;
  return { ...chat, rounds: [first!, ...later.map(copy)] };
}

test.each(["message", "keptId"] as const)(
  "reads each shown round's %s a bounded number of times, also where all were copied",
  (field) => {
    const readsAt = (count: number) => {
      const chat = keptChat("long", said(count));
      const shown = joined([], chat, nextId);
      const { watched, reads } = counted(shown, field);
      const rounds = joined(watched, copied(chat, count), nextId);
      expect(rounds.map(({ id }) => id)).toEqual(shown.map(({ id }) => id));
      return reads.count / count;
    };
    expect(readsAt(1000)).toBeLessThan(1.5 * readsAt(100));
  },
);

test("rounds that were given are found again in order, each once", () => {
  const chat = keptChat("given", [
    ["Hello", "Hi"],
    ["Hello", "Hi again"],
  ]);
  const given = [1, 2].map((id): Round => ({
    id: 1000 + id,
    afterId: -1,
    versions: [],
    message: "Hello",
    reply: "",
    phase: "done",
    isGiven: true,
  }));
  const rounds = joined(given, chat, nextId);
  expect(rounds.map(({ id }) => id)).toEqual([1001, 1002]);
});
