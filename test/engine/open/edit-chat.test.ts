// A change that the store does not take is none: the chat stays as it was, here as there.
import { describe, expect, test } from "vitest";
import { type Archive, NoArchive } from "../../../src/engine/archive/archive";
import { TextWriter } from "../../../src/engine/archive/text-writer";
import type { ChatRound } from "../../../src/engine/chat/chat-round";
import type { Conversation } from "../../../src/engine/chat/conversation";
import {
  deleteRound,
  pinRound,
  setInstructions,
  showVersion,
} from "../../../src/engine/open/edit-chat";
import type { OpenChat } from "../../../src/engine/open/open-chats";
import { noteComputed, noteStored } from "../../../src/memory/half-kv";
import { StoreError } from "../../../src/util/errors";
import { HALVES } from "../../../src/util/kv-half";
import { addRound, conversationOf } from "../../support/conversation";

/** Two versions of a second round, the later one shown; all rounds have KV. */
function chatOf(): OpenChat {
  const conversation = conversationOf([0], [1, 11], [2, 12]);
  addRound(conversation, { parentId: 1, tokens: [3, 13] });
  for (const round of conversation.all) {
    for (const half of HALVES) {
      const kv = round[half];
      for (const token of round.tokens.keys()) noteComputed(kv, token);
      noteStored(kv, {
        bytes: 8,
        generation: kv.generation,
        origin: kv.origin,
      });
    }
  }
  conversation.pin([2]);
  return { conversation, bound: undefined } as unknown as OpenChat;
}

/** All that a chat shows, and all that is known of its KV. */
const stateOf = ({ system, branch, pinned, all }: Conversation) =>
  structuredClone({
    system,
    shown: branch.map(({ id }) => id),
    pinned: [...pinned],
    rounds: all.map(
      ({ id, parentId, tokens, lower, upper, saved }: ChatRound) => ({
        id,
        parentId,
        tokens,
        lower,
        upper,
        saved,
      }),
    ),
  });

/** An archive in which writing does what `write` says. */
function archiveOf(write: () => Promise<never>): Archive {
  return Object.assign(new NoArchive(), {
    change: write,
    deleteRounds: write,
    deleteDocument: write,
  });
}

type Change = (chat: OpenChat, archive: Archive) => Promise<void>;

const writer = (archive: Archive) =>
  new TextWriter(archive, () => ({ name: "", url: "" }));

const CHANGES: Record<string, Change> = {
  "a round is not deleted": (chat, archive) =>
    deleteRound(chat, archive, 1, {}),
  "a round is not deleted quickly": (chat, archive) =>
    deleteRound(chat, archive, 3, { isFast: true }),
  "a round is not pinned": (chat, archive) =>
    pinRound(chat, writer(archive), 1, true),
  "a round stays pinned": (chat, archive) =>
    pinRound(chat, writer(archive), 2, false),
  "another version is not shown": (chat, archive) =>
    showVersion(chat, writer(archive), 2),
  "the system prompt is the old one": (chat, archive) =>
    setInstructions(chat, writer(archive), { system: "Be brief." }),
};

describe("where the store fails", () => {
  test.each(Object.entries(CHANGES))("%s", async (_, change) => {
    const chat = chatOf();
    const before = stateOf(chat.conversation);
    const failing = archiveOf(() =>
      Promise.reject(new StoreError("failed", "The disk is gone.")),
    );
    await expect(change(chat, failing)).rejects.toThrow("The disk is gone.");
    expect(stateOf(chat.conversation)).toEqual(before);
  });
});

describe("until the store has written it", () => {
  test.each(Object.entries(CHANGES))("%s", async (_, change) => {
    const chat = chatOf();
    const before = stateOf(chat.conversation);
    let finish = () => {};
    const slow = archiveOf(
      () => new Promise((resolve) => (finish = () => resolve(true as never))),
    );
    const changing = change(chat, slow);
    await new Promise((resolve) => setTimeout(resolve));
    expect(stateOf(chat.conversation)).toEqual(before);
    finish();
    await changing;
    expect(stateOf(chat.conversation)).not.toEqual(before);
  });
});
