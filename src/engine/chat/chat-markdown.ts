/** A chat as Markdown, to be read or pasted elsewhere. */
import { answerOf } from "../../model/text/thinking-range";
import type { Conversation } from "./conversation";
import { titleOf } from "./history-view";

/**
 * The shown branch: a heading for each message and each reply, and their text as it is, without what a model thought.
 *
 * @param given the user's title; empty for none
 */
export function chatMarkdown(conversation: Conversation, given: string): Blob {
  const { branch, system } = conversation;
  const title = titleOf(conversation, given);
  const parts = [`# ${inLine(title) || "Chat"}`];
  if (system) parts.push("## Instructions", system);
  for (const { user, reply, document, modelName, calls, results } of branch) {
    if (document !== undefined) {
      parts.push(`## Document: ${inLine(document)}`, fenced(user));
      continue;
    }
    // A chat may begin with a reply.
    for (const { name, content } of results ?? [])
      parts.push(`## Result of ${name}`, fenced(content));
    if (user !== "") parts.push("## You", user);
    const answer = answerOf(reply).trim();
    const called = (calls ?? []).map(
      ({ name, arguments: given }) =>
        `Called \`${name}\`:\n\n${fenced(JSON.stringify(given, null, 2))}`,
    );
    const said = [answer, ...called].filter((text) => text !== "");
    if (said.length > 0)
      parts.push(`## ${inLine(modelName ?? "Reply")}`, ...said);
  }
  const text = parts.map((part) => part.trimEnd()).join("\n\n");
  return new Blob([`${text}\n`], { type: "text/markdown;charset=utf-8" });
}

const inLine = (text: string) => text.replace(/\s+/g, " ").trim();

/** In a fence that is longer than any in the text. */
function fenced(text: string): string {
  const runs = text.match(/`{3,}/g) ?? [];
  const longest = runs.reduce((most, { length }) => Math.max(most, length), 2);
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, "")}\n${fence}`;
}
