/** Sends a message from the page's script and resolves with its round. */
import { ChatErrorEvent } from "../state/events";
import type { Round } from "../state/chats/round";
import type { Session } from "../state/page-state";

/**
 * @param events the element: where the session's events are heard
 * @throws as `ChatElement.send` does
 */
export async function sendTo(
  { current, loading, turns }: Session,
  events: EventTarget & { readonly: boolean },
  text: string,
): Promise<Round> {
  if (typeof text !== "string" || text.trim() === "")
    throw new TypeError("There is nothing to send: the text is empty.");
  if (events.readonly)
    throw new DOMException("This chat is read-only.", "InvalidStateError");
  const sent = turns.send(current, text);
  if (sent === undefined)
    throw new DOMException(
      current.access === "read"
        ? "This chat is open in another tab."
        : "This chat is busy: wait until it is done, or stop it.",
      "InvalidStateError",
    );
  const round = await orLoadFailure(sent, events, loading.error);
  if (round.error !== undefined) throw round.error;
  if (round.phase === "unanswered")
    throw new DOMException(
      "The message was stopped before its turn came.",
      "AbortError",
    );
  return round;
}

/** Without a model the message would wait for good. */
async function orLoadFailure(
  sent: Promise<Round>,
  events: EventTarget,
  failed: Error | undefined,
): Promise<Round> {
  if (failed !== undefined) throw failed;
  let hear = (_: Event) => {};
  const failure = new Promise<never>((_, reject) => {
    hear = (event) => {
      if (event instanceof ChatErrorEvent && event.during === "load")
        reject(event.error);
    };
    events.addEventListener(ChatErrorEvent.type, hear);
  });
  try {
    return await Promise.race([sent, failure]);
  } finally {
    events.removeEventListener(ChatErrorEvent.type, hear);
  }
}
