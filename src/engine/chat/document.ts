/** A document as a round of a chat: a message with its text, and a reply that says it was read. */

/** Documents come one by one; the reply closes the message, so that the next one may be the user's. */
export const DOCUMENT_REPLY = "Got it, I have the note.";

/** How a document is put to the model. */
export function documentMessage(text: string): string {
  return `Here is a note. ${text}`;
}

/** Where a document's KV is kept for all chats. */
export function documentId(contentHash: string): string {
  return `document/${contentHash}`;
}

/** The round that a document is under its own id. */
export const DOCUMENT_ROUND = 1;
