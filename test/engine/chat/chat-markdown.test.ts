import { expect, test } from "vitest";
import { chatMarkdown } from "../../../src/engine/chat/chat-markdown";
import { newChatRound } from "../../../src/engine/chat/chat-round";
import { Conversation } from "../../../src/engine/chat/conversation";

interface Said {
  user: string;
  reply: string;
  document?: string;
  modelName?: string;
  parentId?: number;
}

/** Rounds each behind the one before, unless they say otherwise. */
async function markdownOf(rounds: readonly Said[], title = "", system = "") {
  const conversation = new Conversation({
    id: "a",
    system,
    rounds: rounds.map((round, i) =>
      newChatRound({ id: i + 1, parentId: i, isFinished: true, ...round }),
    ),
  });
  return chatMarkdown(conversation, title).text();
}

test("each message and reply has a heading, and its text as it is", async () => {
  const rounds = [
    { user: "Hello *you*\n", reply: "Hi.\n\n- one\n", modelName: "a/Qwen" },
    { user: "And?", reply: "" },
  ];
  expect(await markdownOf(rounds, "Two\nlines", "Be brief.")).toBe(
    [
      "# Two lines",
      "## Instructions",
      "Be brief.",
      "## You",
      "Hello *you*",
      "## a/Qwen",
      "Hi.\n\n- one",
      "## You",
      "And?\n",
    ].join("\n\n"),
  );
});

test("only the shown branch is in it, under the title that the page shows", async () => {
  const rounds = [
    { user: "One", reply: "1" },
    { user: "Two", reply: "2" },
    { user: "Another two", reply: "3", parentId: 1 },
  ];
  const text = await markdownOf(rounds);
  expect(text.startsWith("# One\n")).toBe(true);
  expect(text.match(/^## You\n\n.*$/gm)).toEqual([
    "## You\n\nOne",
    "## You\n\nAnother two",
  ]);
});

test("a document is fenced, whatever fences it has itself", async () => {
  const user = "````js\nx\n````\n";
  const text = await markdownOf([{ user, reply: "Got it.", document: "a.md" }]);
  expect(text).toBe(
    "# a.md\n\n## Document: a.md\n\n`````\n````js\nx\n````\n`````\n",
  );
});

test("what a model thought is left out, and a reply that begins a chat has no message", async () => {
  const reply = "<think>\nHm.\n</think>\n\nYes.";
  expect(await markdownOf([{ user: "", reply }])).toBe(
    "# Chat\n\n## Reply\n\nYes.\n",
  );
});
