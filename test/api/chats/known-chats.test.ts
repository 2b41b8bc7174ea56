// The chats that clients without state have had, beside others who open, change and delete chats.
import { expect, test, vi } from "vitest";
import { KnownChats } from "../../../src/api/chats/known-chats";
import type { RoundText } from "../../../src/engine/api/chats";
import { unloadedEngine } from "../../support/plain-engine";

vi.mock(
  "../../../src/memory/segment-transfer",
  () => import("../../support/fake-transfer"),
);

const said = (...letters: string[]): RoundText[] =>
  letters.map((letter) => ({ message: letter, reply: letter.toUpperCase() }));
const asked = (...letters: string[]) => ({
  system: undefined,
  rounds: said(...letters),
});

function knownOf(options: { owner?: string; mostChats?: number } = {}) {
  const engine = unloadedEngine();
  const { owner, mostChats = 9 } = options;
  const known = new KnownChats(engine, { owner, mostChats });
  const read = async (chatId: string) =>
    (await engine.openChat(chatId)).rounds.map(({ message }) => message);
  const note = (place: Awaited<ReturnType<typeof known.placeFor>>, id = 99) =>
    known.noteReply(place, { id, ...said("z")[0]! });
  return { engine, known, read, note };
}

test("a chat that somebody deleted is opened anew", async () => {
  const { engine, known, read } = knownOf({ owner: "app" });
  const before = await known.placeFor(asked("a", "b"));
  await engine.deleteChat(before.chatId);
  const after = await known.placeFor(asked("a", "b"));
  expect(after.chatId).not.toBe(before.chatId);
  expect(await read(after.chatId)).toEqual(["a", "b"]);
});

test("a chat in which somebody deleted a round, or said another thing, is left to them", async () => {
  for (const isDeleted of [true, false]) {
    const { engine, known, read } = knownOf();
    const { chatId, branch } = await known.placeFor(asked("a", "b", "c"));
    const second = branch[1]!.id;
    if (isDeleted) await engine.deleteRound(chatId, second, { isFast: true });
    else await engine.setSystem(chatId, "Be brief.");
    const theirs = await read(chatId);
    const after = await known.placeFor(asked("a", "b", "c"));
    expect(after.chatId).not.toBe(chatId);
    expect(await read(after.chatId)).toEqual(["a", "b", "c"]);
    expect(await read(chatId)).toEqual(theirs);
  }
});

test("another version that somebody shows is no hindrance", async () => {
  const { engine, known, read } = knownOf();
  const first = await known.placeFor(asked("a", "b"));
  const other = await known.placeFor(asked("a", "x", "y"));
  expect(other.chatId).toBe(first.chatId);
  await engine.showVersion(first.chatId, first.branch[1]!.id);
  const again = await known.placeFor(asked("a", "x", "y"));
  expect(again).toEqual(other);
  expect(await read(again.chatId)).toEqual(["a", "x", "y"]);
});

test("a chat that another tab writes is left to it", async () => {
  const { engine, known } = knownOf();
  const first = await known.placeFor(asked("a"));
  const open = engine.openChat.bind(engine);
  vi.spyOn(engine, "openChat").mockImplementation(async (id) => ({
    ...(await open(id)),
    access: id === first.chatId ? "read" : "write",
  }));
  expect((await known.placeFor(asked("a"))).chatId).not.toBe(first.chatId);
});

test("of too many, the one that was not used for longest is deleted", async () => {
  const { engine, known } = knownOf({ owner: "app", mostChats: 2 });
  const deleted = vi.spyOn(engine, "deleteChat");
  const open = async (system: string) =>
    (await known.placeFor({ system, rounds: said("a") })).chatId;
  const one = await open("one");
  const two = await open("two");
  expect(await open("one")).toBe(one);
  const three = await open("three");
  expect(deleted.mock.calls).toEqual([[two]]);
  expect(await open("three")).toBe(three);
  expect(await open("one")).toBe(one);
});

test("of the user's own none is deleted", async () => {
  const { engine, known } = knownOf({ mostChats: 1 });
  const deleted = vi.spyOn(engine, "deleteChat");
  const left = vi.spyOn(engine, "leaveChat");
  const one = await known.placeFor(asked("a"));
  const two = await known.placeFor(asked("b"));
  expect(left.mock.calls).toEqual([[one.chatId]]);
  await known.clear();
  expect(left.mock.calls).toEqual([[one.chatId], [two.chatId]]);
  expect(deleted).not.toHaveBeenCalled();
});

test("a round that the chat does not have is not gone on from", async () => {
  const { known, note } = knownOf();
  const place = await known.placeFor(asked("a"));
  note(place);
  const next = await known.placeFor(asked("a", "z"));
  expect(next.chatId).not.toBe(place.chatId);
});
