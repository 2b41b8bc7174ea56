/**
 * What a screen reader should say next: that the model is there, what has been done to the chat, and each
 * reply once, when it has ended.
 * The same words said again would not be a change, and only changes are announced: clear it in between.
 */
import { RoundEvent, StateEvent } from "./events";
import { plainText } from "./markdown";

export class Announcement {
  text = "";

  /** Takes note of what has happened while the chat `shownId` is shown. */
  take(event: Event, shownId: string | undefined): void {
    if (event instanceof StateEvent && event.state === "ready")
      this.text = "The model is loaded.";
    if (event instanceof RoundEvent && event.chatId === shownId)
      this.text = ended(event);
  }

  /** Says what the user has had done. */
  say(text: string): void {
    this.text = text;
  }

  clear(): void {
    this.text = "";
  }
}

function ended({ round }: RoundEvent): string {
  const words = plainText(round.reply);
  return round.receipt?.finishReason === "stop" ? words : `Stopped. ${words}`;
}
