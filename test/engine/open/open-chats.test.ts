// The chats that a page has in hand, between an archive that takes its time and a model that binds them.
import { expect, test, vi } from "vitest";
import {
  type ArchivedChat,
  NoArchive,
} from "../../../src/engine/archive/archive";
import {
  asRoundRecord,
  copyOfRound,
} from "../../../src/engine/archive/archive-records";
import { newChatRound } from "../../../src/engine/chat/chat-round";
import { Conversation } from "../../../src/engine/chat/conversation";
import { contextsOf } from "../../../src/engine/chat/context-hash";
import { ChatLocks } from "../../../src/engine/open/chat-lock";
import { deleteRound } from "../../../src/engine/open/edit-chat";
import { OpenChats } from "../../../src/engine/open/open-chats";
import { placeMessage } from "../../../src/engine/open/place-message";
import { TextWriter } from "../../../src/engine/archive/text-writer";
import {
  BoundChat,
  type ReadingModel,
} from "../../../src/engine/chat/bound-chat";
import { ChatTemplate } from "../../../src/model/text/chat-template";
import { tokenizerFiles, tokenizerOf } from "../../support/tokenizers";

const [, tinyConfig] = tokenizerFiles.rondoTiny() as [
  unknown,
  { chat_template: string },
];

const model: ReadingModel = {
  tokenizer: tokenizerOf("rondoTiny"),
  template: new ChatTemplate(tinyConfig.chat_template),
  textFingerprint: "text",
  segmentFingerprint: "segments",
};

function kept(system?: string): ArchivedChat {
  const conversation = {
    id: "miso",
    title: "Miso",
    system,
    createdMs: 1,
    updatedMs: 1,
    model: { name: "rondo-tiny", url: "" },
  };
  return { conversation, rounds: [], damagedIds: [], unreadableIds: [] };
}

/** Chats of one that is kept; reading it can be held up, and it can be changed by another tab. */
function chatsOf(read: () => Promise<ArchivedChat>): OpenChats {
  const archive = Object.assign(new NoArchive(), { read });
  const text = new TextWriter(archive, () => ({ name: "", url: "" }));
  return new OpenChats(archive, text, new ChatLocks({ locks: null }));
}

const leave = (chats: OpenChats) => chats.leave("miso", async () => undefined);

test("a chat that is opened twice at once is one chat, as it stands here", async () => {
  const answers: ((chat: ArchivedChat) => void)[] = [];
  const chats = chatsOf(() => new Promise((resolve) => answers.push(resolve)));
  const opened = [chats.open("miso"), chats.open("miso")];
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[0]!(kept());
  await opened[0];
  const bound = await chats.bind("miso", model);
  answers[1]!(kept());
  expect((await opened[1])!.history.access).toBe("write");
  expect(chats.get("miso")!.bound).toBe(bound);
});

test("a chat that was left is read anew where its system prompt is another one now", async () => {
  let now = kept("Be kind.");
  const chats = chatsOf(async () => now);
  await chats.open("miso");
  const bound = await chats.bind("miso", model);
  await leave(chats);
  await chats.open("miso");
  expect(chats.get("miso")!.bound).toBe(bound);
  await leave(chats);
  now = kept("Be brief.");
  expect((await chats.open("miso")).history.system).toBe("Be brief.");
  expect(chats.get("miso")!.bound).toBeUndefined();
});

test("a chat that is opened again while it is being left stays open", async () => {
  const chats = chatsOf(async () => kept());
  await chats.open("miso");
  let finish = () => {};
  const leaving = chats.leave(
    "miso",
    () => new Promise((resolve) => (finish = resolve)),
  );
  expect((await chats.open("miso")).history.access).toBe("write");
  finish();
  await leaving;
  expect(chats.isWritten("miso")).toBe(true);
  await expect(chats.bind("miso", model)).resolves.toBeDefined();
  // Who leaves it now leaves all that was opened.
  await leave(chats);
  expect(chats.isWritten("miso")).toBe(false);
});

/** A chat that is new, in an archive that keeps rounds as `saveRounds` says. */
async function newChat(saveRounds: () => Promise<boolean>) {
  const archive = Object.assign(new NoArchive(), { saveRounds });
  const text = new TextWriter(archive, () => ({ name: "", url: "" }));
  const chats = new OpenChats(archive, text, new ChatLocks({ locks: null }));
  const id = await chats.create({});
  const say = (message: string) =>
    chats.change(id, (chat, text) => placeMessage(chat, text, message));
  return { archive, chats, id, say };
}

test("a chat that is kept is called what was said first, also once that is deleted", async () => {
  const { archive, chats, id, say } = await newChat(async () => true);
  const { round } = await say("Hello.");
  await say("My cat is called Miso.");
  await chats.change(id, (chat) => deleteRound(chat, archive, round.id, {}));
  const { summary, rounds } = chats.historyOf(id);
  expect(rounds.map(({ message }) => message)).toEqual([
    "My cat is called Miso.",
  ]);
  expect(summary.title).toBe("Hello.");
});

test("a chat is not left while something of it could not be written", async () => {
  let isFull = true;
  const { chats, id, say } = await newChat(async () => !isFull);
  await say("Hello.");
  const leave = () => chats.leave(id, async () => undefined);
  await leave();
  const { history } = await chats.open(id);
  expect(history.access).toBe("write");
  expect(history.rounds).toMatchObject([{ message: "Hello." }]);
  isFull = false;
  await leave();
  expect(chats.historyOf(id).access).toBe("read");
});

/** A kept chat of so many rounds, as a model has read it. */
async function longChat(count: number): Promise<ArchivedChat> {
  const reader = new BoundChat(new Conversation({ id: "reader" }), model);
  const read = Array.from({ length: count }, (_, id) =>
    newChatRound(
      {
        id,
        parentId: id === 0 ? null : id - 1,
        user: id === 0 ? "" : `Question ${id}`,
        reply: id === 0 ? "" : "An answer.",
        isFinished: true,
        // The first one's are compared with the template.
        ...(id === 1
          ? reader.read({ user: "Question 1", reply: "An answer." }, true)
          : { tokens: [id, 7], openTokens: 1 }),
        textFingerprint: "text",
      },
      "all",
    ),
  );
  await contextsOf(read);
  const rounds = await Promise.all(
    read.map((round) => asRoundRecord("miso", copyOfRound(round), 1)),
  );
  return { ...kept(), rounds };
}

/** How often something is hashed meanwhile. */
async function hashesOf(action: () => Promise<unknown>): Promise<number> {
  const digest = vi.spyOn(crypto.subtle, "digest");
  try {
    await action();
    return digest.mock.calls.length;
  } finally {
    digest.mockRestore();
  }
}

test("a kept chat is opened without hashing, and bound with one hash a round", async () => {
  for (const count of [20, 200]) {
    const archived = await longChat(count);
    const chats = chatsOf(async () => archived);
    expect(await hashesOf(() => chats.open("miso"))).toBe(0);
    const bound = () => chats.bind("miso", model);
    expect(await hashesOf(bound)).toBe(count);
    const { all } = (await bound()).conversation;
    // All but what begins the first hash.
    const contexts = () => contextsOf(all);
    expect(await hashesOf(contexts)).toBe(1);
  }
});

test("tokens that are not those that were written are made from the text again", async () => {
  const archived = await longChat(4);
  archived.rounds[2]!.tokens[0] = 70_000;
  const chats = chatsOf(async () => archived);
  await chats.open("miso");
  const { all } = (await chats.bind("miso", model)).conversation;
  expect(all[3]!.tokens).toEqual([3, 7]);
  expect(all[2]!.tokens).not.toEqual([70_000, 7]);
  expect(all[2]!.tokens.length).toBeGreaterThan(4);
});
