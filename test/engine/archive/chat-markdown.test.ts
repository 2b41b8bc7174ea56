import { expect, test } from "vitest";
import { chatMarkdown } from "../../../src/engine/archive/chat-markdown";

test("each message and reply has a heading, and its text as it is", () => {
  const rounds = [
    { user: "Hello *you*\n", reply: "Hi.\n\n- one\n", modelName: "a/Qwen" },
    { user: "And?", reply: "" },
  ];
  const chat = { title: "Two\nlines", system: "Be brief." };
  expect(chatMarkdown(chat, rounds)).toBe(
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

test("a document is fenced, whatever fences it has itself", () => {
  const text = "````js\nx\n````\n";
  const [, , fenced] = chatMarkdown({ title: "" }, [
    { user: text, reply: "Got it.", document: "a.md" },
  ]).split("\n\n");
  expect(fenced).toBe("`````\n````js\nx\n````\n`````\n");
});

test("what a model thought is left out, and a reply that begins a chat has no message", () => {
  const rounds = [{ user: "", reply: "<think>\nHm.\n</think>\n\nYes." }];
  expect(chatMarkdown({ title: "" }, rounds)).toBe(
    "# Chat\n\n## Reply\n\nYes.\n",
  );
});
