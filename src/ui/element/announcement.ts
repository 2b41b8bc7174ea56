/**
 * What a screen reader should say next: that the model is there, what has been done to the chat, and each
 * reply once, when it has ended.
 * The same words said again would not be a change, and only changes are announced: clear it in between.
 */
import { RoundEvent, StateEvent } from "../state/events";

export class Announcement {
  text = "";

  /** Takes note of what has happened while the chat `shownId` is shown. */
  async take(event: Event, shownId: string | undefined): Promise<void> {
    if (event instanceof StateEvent && event.state === "ready")
      this.text = "The model is loaded.";
    if (event instanceof RoundEvent && event.chatId === shownId)
      this.text = await ended(event);
  }

  /** Says what the user has had done. */
  say(text: string): void {
    this.text = text;
  }

  clear(): void {
    this.text = "";
  }
}

async function ended({ round }: RoundEvent): Promise<string> {
  const words = await import("../markdown/markdown").then(
    ({ plainText }) => plainText(round.reply),
    () => round.reply,
  );
  return round.receipt?.finishReason === "stop" ? words : `Stopped. ${words}`;
}
