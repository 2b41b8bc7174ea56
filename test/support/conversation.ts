/** Chats in memory, of tokens alone. */
import {
  type ChatRound,
  newChatRound,
  type RoundFields,
} from "../../src/engine/chat/chat-round";
import { Conversation } from "../../src/engine/chat/conversation";

/** A chat whose system prompt and rounds have these tokens. */
export function conversationOf(
  system: readonly number[] = [],
  ...rounds: readonly (readonly number[])[]
): Conversation {
  const conversation = new Conversation({ id: "chat", createdMs: 0 });
  conversation.prefix.tokens.push(...system);
  for (const tokens of rounds) addRound(conversation, { tokens });
  return conversation;
}

/** Adds a round with a reply behind those that are shown. */
export function addRound(
  conversation: Conversation,
  fields: Partial<RoundFields> = {},
): ChatRound {
  const round = newChatRound({
    id: conversation.takeId(),
    parentId: conversation.branch.at(-1)!.id,
    user: "a message",
    isFinished: true,
    ...fields,
  });
  conversation.add(round);
  return round;
}

/** Adds a message that is to be answered. */
export function addMessage(
  conversation: Conversation,
  user = "a message",
): ChatRound {
  return addRound(conversation, { user, isFinished: false });
}
