/**
 * Finds out how a template writes rounds by rendering probes: messages that are easy to find in the text, with
 * special characters and space at their ends that reveal whether a template rewrites them.
 */
import type { ChatMessage, ChatTemplate, RenderOptions } from "./chat-template";
import type { Segment } from "./tokenizer";

/** How the first round of a chat is rendered. */
export interface FirstRound {
  /** The text up to the end of the system prompt, if the template has a place for one. */
  head: Segment[];
  /** The template's text from there to the user's message. */
  before: string;
  /** The system prompt, if the template's only place for it is the message itself. */
  folded: Segment[];
  /** From the message to where the reply starts. */
  after: string;
  /** What the template trims from messages. */
  trim: Trim;
}

/** How the rounds after the first are rendered. */
export interface LaterRounds {
  /** The template's text between a reply and the next message. */
  between: string;
  /** From the message to where its reply starts. */
  after: string;
  /** The text after a reply that is the last message; undefined if that can't be found out. */
  end: string | undefined;
}

/** Whether space at a message's start and end is removed. */
export interface Trim {
  start: boolean;
  end: boolean;
}

const probe = (name: string): string => `Probe${name}"'<&>\\`;
const SYSTEM = probe("System");
const USERS = [probe("User1"), probe("User2"), probe("User3")] as const;
const REPLIES = [probe("Reply1"), probe("Reply2")] as const;
const SPACE = "\t\n\t";

export class TemplateProbe {
  /** Why the template refused the last messages, if it did. */
  refusal: unknown;
  readonly #template: ChatTemplate;
  readonly #options: Omit<RenderOptions, "addGenerationPrompt">;

  constructor(
    template: ChatTemplate,
    options: Omit<RenderOptions, "addGenerationPrompt">,
  ) {
    this.#template = template;
    this.#options = options;
  }

  /** Undefined if the template refuses a message or rewrites it. */
  firstRound(system: string | undefined): FirstRound | undefined {
    const [user] = USERS;
    const spacedUser = [SPACE + user + SPACE];
    const withSystem =
      system === undefined
        ? []
        : cutAt(this.#render([user], SYSTEM), [SYSTEM, user]);
    const [start, before, after] = withSystem;
    if (system !== undefined && start !== undefined) {
      const spaced = this.#render(spacedUser, SPACE + SYSTEM + SPACE);
      const content = trimmed(system, trimOf(spaced, SYSTEM));
      const head = [{ template: start }, { content }];
      return {
        head,
        before: before!,
        folded: [],
        after: after!,
        trim: trimOf(spaced, user),
      };
    }

    const [onlyBefore, onlyAfter] = cutAt(this.#render([user]), [user]);
    if (onlyBefore === undefined) return undefined;
    const trim = trimOf(this.#render(spacedUser), user);
    const text = trimmed(system ?? "", trim);
    const folded = text === "" ? [] : [{ content: `${text}\n\n` }];
    return { head: [], before: onlyBefore, folded, after: onlyAfter!, trim };
  }

  /** Undefined if the template refuses or rewrites messages, or the rounds differ. */
  laterRounds(hasSystem: boolean): LaterRounds | undefined {
    const system = hasSystem ? SYSTEM : undefined;
    const turns = [USERS[0], REPLIES[0], USERS[1], REPLIES[1], USERS[2]];
    const pieces = cutAt(
      this.#render(turns, system),
      hasSystem ? [SYSTEM, ...turns] : turns,
    );
    const [between, , nextBetween, after] = pieces.slice(-4);
    if (between === undefined || between !== nextBetween || after === undefined)
      return undefined;
    const [, end] = cutAt(this.#render([USERS[0], REPLIES[0]], system), [
      REPLIES[0],
    ]);
    return { between, after, end };
  }

  /** Alternating messages of user and assistant, up to where a reply starts if it is the assistant's turn. */
  #render(turns: readonly string[], system?: string): string | undefined {
    const messages: ChatMessage[] = turns.map((content, i) => ({
      role: i % 2 === 0 ? "user" : "assistant",
      content,
    }));
    if (system !== undefined)
      messages.unshift({ role: "system", content: system });
    this.refusal = undefined;
    try {
      const addGenerationPrompt = turns.length % 2 === 1;
      return this.#template.render(messages, {
        ...this.#options,
        addGenerationPrompt,
      });
    } catch (error) {
      this.refusal = error;
      return undefined;
    }
  }
}

/** A message as the template would render it. */
export function trimmed(text: string, { start, end }: Trim): string {
  const fromStart = start ? text.trimStart() : text;
  return end ? fromStart.trimEnd() : fromStart;
}

/** The text around the probes; undefined unless each probe is found exactly once, in this order. */
function cutAt(text: string | undefined, probes: readonly string[]): string[] {
  if (text === undefined) return [];
  const pieces: string[] = [];
  let at = 0;
  for (const probe of probes) {
    const found = text.indexOf(probe, at);
    if (found < 0 || text.indexOf(probe) !== text.lastIndexOf(probe)) return [];
    pieces.push(text.slice(at, found));
    at = found + probe.length;
  }
  return [...pieces, text.slice(at)];
}

/** Which of the space around a probe was removed. */
function trimOf(text: string | undefined, probe: string): Trim {
  const start = !text?.includes(SPACE + probe);
  const end = !text?.includes(probe + SPACE);
  return { start, end };
}
