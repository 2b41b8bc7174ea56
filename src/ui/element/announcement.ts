/**
 * The next announcement for screen readers: the model is loaded, a change is done, a reply has ended. Only changes
 * are announced, so clear it before repeating the same words.
 */
import { answerOf } from "../../model/text/thinking-range";
import { RoundEvent, StateEvent } from "../state/events";

export class Announcement {
  text = "";

  /** Handles an event that happened while the chat `shownId` was shown. */
  async take(event: Event, shownId: string | undefined): Promise<void> {
    if (event instanceof StateEvent && event.state === "ready")
      this.text = "The model is loaded.";
    if (event instanceof RoundEvent && event.chatId === shownId)
      this.text = await ended(event);
  }

  /** Announces the result of a user's action. */
  say(text: string): void {
    this.text = text;
  }

  clear(): void {
    this.text = "";
  }
}

async function ended({ round }: RoundEvent): Promise<string> {
  const answer = answerOf(round.reply);
  const words = await import("../markdown/markdown").then(
    ({ plainText }) => plainText(answer),
    () => answer,
  );
  return round.receipt?.finishReason === "stop" ? words : `Stopped. ${words}`;
}
