/** A chat as Markdown, to be read or pasted elsewhere. A pure function. */
import { answerOf } from "../../model/text/thinking-range";

/** What is written of a round. */
export interface SpokenRound {
  user: string;
  /** What the model thought is left out. */
  reply: string;
  /** The document's name if the round is a document; its text is then `user`. */
  document?: string | undefined;
  modelName?: string | undefined;
}

/** A heading for each message and each reply, and their text as it is. */
export function chatMarkdown(
  { title, system }: { title: string; system?: string | undefined },
  rounds: readonly SpokenRound[],
): string {
  const parts = [`# ${inLine(title) || "Chat"}`];
  if (system) parts.push("## Instructions", system);
  for (const { user, reply, document, modelName } of rounds) {
    if (document !== undefined) {
      parts.push(`## Document: ${inLine(document)}`, fenced(user));
      continue;
    }
    // A chat may begin with a reply.
    if (user !== "") parts.push("## You", user);
    const answer = answerOf(reply).trim();
    if (answer !== "") parts.push(`## ${inLine(modelName ?? "Reply")}`, answer);
  }
  return `${parts.map((part) => part.replace(/\s+$/, "")).join("\n\n")}\n`;
}

const inLine = (text: string) => text.replace(/\s+/g, " ").trim();

/** In a fence that is longer than any in the text. */
function fenced(text: string): string {
  const runs = text.match(/`{3,}/g) ?? [];
  const longest = runs.reduce((most, { length }) => Math.max(most, length), 2);
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, "")}\n${fence}`;
}
