/** A document as a round of a chat: a message with its text, and a reply that says it was read. */
import type { ChatDocument } from "../api/replies";
import { type ChatRound, newChatRound } from "./chat-round";
import type { Conversation } from "./conversation";

/** Documents are added one by one; the fixed reply closes the message, so that the user's can follow. */
export const DOCUMENT_REPLY = "Got it, I have the note.";

/** The message that presents a document to the model. */
export function documentMessage(text: string): string {
  return `Here is a note. ${text}`;
}

/** The id under which a document's KV is stored for all chats. */
export function documentId(contentHash: string): string {
  return `document/${contentHash}`;
}

/** The round that holds a document under its own id. */
export const DOCUMENT_ROUND = 1;

/** A round at the end of the shown branch, which no model has read yet. */
export function documentRound(
  conversation: Conversation,
  { name, text }: ChatDocument,
): ChatRound {
  return newChatRound({
    id: conversation.takeId(),
    parentId: conversation.branch.at(-1)!.id,
    user: text,
    reply: DOCUMENT_REPLY,
    document: name,
    isFinished: true,
  });
}
