// The chats that a page has in hand, between an archive that takes its time and a model that binds them.
import { expect, test, vi } from "vitest";
import {
  type ArchivedChat,
  NoArchive,
} from "../../../src/engine/archive/archive";
import { ChatLocks } from "../../../src/engine/open/chat-lock";
import { Chats } from "../../../src/engine/open/open-chats";
import type { Session } from "../../../src/engine/load/loaded-model";
import { ChatTemplate } from "../../../src/model/text/chat-template";
import { tokenizerFiles, tokenizerOf } from "../../support/tokenizers";

const [, tinyConfig] = tokenizerFiles.rondoTiny() as [
  unknown,
  { chat_template: string },
];

const session = {
  model: {
    tokenizer: tokenizerOf("rondoTiny"),
    template: new ChatTemplate(tinyConfig.chat_template),
    textFingerprint: "text",
    segmentFingerprint: "segments",
  },
} as unknown as Session;

function kept(system?: string): ArchivedChat {
  const summary = {
    id: "miso",
    title: "Miso",
    createdMs: 1,
    updatedMs: 1,
    modelName: "rondo-tiny",
  };
  return {
    summary,
    system,
    model: { name: "rondo-tiny", url: "" },
    prefix: undefined,
    rounds: [],
    shownId: undefined,
    pinnedIds: [],
    lostRounds: 0,
  };
}

/** Chats of one that is kept; reading it can be held up, and it can be changed by another tab. */
function chatsOf(read: () => Promise<ArchivedChat>): Chats {
  const archive = Object.assign(new NoArchive(), { read });
  return new Chats(archive, new ChatLocks({ locks: null }));
}

test("a chat that is opened twice at once is one chat, as it stands here", async () => {
  const answers: ((chat: ArchivedChat) => void)[] = [];
  const chats = chatsOf(() => new Promise((resolve) => answers.push(resolve)));
  const opened = [chats.open("miso"), chats.open("miso")];
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[0]!(kept());
  await opened[0];
  const bound = await chats.bind("miso", session);
  answers[1]!(kept());
  expect((await opened[1])!.access).toBe("write");
  expect(chats.bound("miso")).toBe(bound);
});

test("a chat that was left is read anew where its system prompt is another one now", async () => {
  let now = kept("Be kind.");
  const chats = chatsOf(async () => now);
  await chats.open("miso");
  const bound = await chats.bind("miso", session);
  await chats.leave("miso");
  await chats.open("miso");
  expect(chats.bound("miso")).toBe(bound);
  await chats.leave("miso");
  now = kept("Be brief.");
  expect((await chats.open("miso")).system).toBe("Be brief.");
  expect(chats.bound("miso")).toBeUndefined();
});
