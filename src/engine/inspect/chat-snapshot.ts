/** What memory holds of one chat: of its rounds on all branches, whether a model has bound it or not. */
import type { Half } from "../../util/kv-half";
import type { Residency } from "../../memory/residency";
import { newestBranch } from "../../store/round-tree";
import type { SegmentSizes } from "../../store/segment-uses";
import type { Archive } from "../archive/archive";
import type { RoundText } from "../chat/bound-chat";
import { chatTitle } from "../chat/chat-title";
import type { FoundChat } from "../open/open-chats";
import { contextsById } from "../chat/context-hash";
import type { ChatRound, Conversation } from "../chat/conversation";
import type {
  ChatMemory,
  HalfMemory,
  RoundMemory,
} from "../api/memory-snapshot";
import type { Session } from "../load/loaded-model";
import type { Shelf } from "../open/open-archive";

/** The system prompt's round. */
const SYSTEM_ROUND = 0;

/**
 * Reads what it must of the store.
 *
 * @returns a function that says what is where when it is called; undefined where there is no such chat
 * @throws StoreError
 */
export async function chatMemory(
  { archive, chats }: Shelf,
  chatId: string,
  withText: boolean,
  session: () => Session | undefined,
): Promise<(() => ChatMemory) | undefined> {
  const found = await chats.find(chatId);
  if (!found) return undefined;
  const { bound, text } = found;
  if (bound) {
    const { conversation } = bound;
    const contexts = await contextsById(conversation.all);
    return () =>
      boundMemory(conversation, contexts, session()?.residency, {
        chatId,
        ...(withText && { title: titleOf(found) }),
      });
  }
  const [contexts, sizes] = [
    await contextsById(text.rounds),
    await storedSizes(archive, chatId, text.rounds),
  ];
  return () => ({
    chatId,
    ...(withText && { title: titleOf(found) }),
    rounds: text.rounds.toSorted(byId).map((round) => ({
      ...factsOf(round, contexts, text.pinnedIds ?? [], withText, text.system),
      lower: storedHalf(sizes, round, "lower"),
      upper: storedHalf(sizes, round, "upper"),
      isRepaired: false,
    })),
    shownIds: newestBranch(text.rounds, text.shownId).map(({ id }) => id),
  });
}

function boundMemory(
  conversation: Conversation,
  contexts: ReadonlyMap<number, string>,
  residency: Residency | undefined,
  head: Pick<ChatMemory, "chatId" | "title">,
): ChatMemory {
  const { lastAttention, pinned, system } = conversation;
  const withText = head.title !== undefined;
  return {
    ...head,
    rounds: conversation.all.map((round) => ({
      ...factsOf(round, contexts, [...pinned], withText, system),
      lower: halfOf(round, "lower", residency),
      upper: halfOf(round, "upper", residency),
      isRepaired: round.isRepaired,
      attended: lastAttention?.attended.get(round.id),
      mass: lastAttention?.mass?.get(round.id),
    })),
    shownIds: conversation.rounds.map(({ id }) => id),
  };
}

/** What is known of a round without its KV. */
function factsOf(
  round: ChatRound | RoundText,
  contexts: ReadonlyMap<number, string>,
  pinnedIds: readonly number[],
  withText: boolean,
  system: string | undefined,
): Omit<RoundMemory, "lower" | "upper" | "isRepaired"> {
  const { id, parentId, tokens, document, user, kvContext } = round;
  const isSystem = id === SYSTEM_ROUND;
  const said = isSystem ? (system ?? "") : (document ?? user);
  const context = contexts.get(id);
  return {
    id,
    parentId,
    kind: isSystem ? "system" : document === undefined ? "round" : "document",
    tokens: tokens.length,
    isPinned: pinnedIds.includes(id),
    isStale:
      kvContext !== undefined && context !== undefined && kvContext !== context,
    isApproximate: round.isApproximate ?? false,
    ...(withText && { text: chatTitle(said) }),
  };
}

function halfOf(
  round: ChatRound,
  half: Half,
  residency: Residency | undefined,
): HalfMemory {
  const { computedTokens, storedBytes } = round[half];
  return {
    residentTokens: computedTokens,
    gpuBytes: residency?.bytesOf([round], half) ?? 0,
    storedBytes,
    isInUse: residency?.isPinned(round, half) ?? false,
  };
}

function storedHalf(
  sizes: ReadonlyMap<string, SegmentSizes>,
  { id, kvFrom }: RoundText,
  half: Half,
): HalfMemory {
  const place = sizes.get(kvFrom?.conversationId ?? "");
  const storedBytes = place?.get(kvFrom?.roundId ?? id)?.[half] ?? 0;
  return { residentTokens: 0, gpuBytes: 0, storedBytes, isInUse: false };
}

/** Sizes of stored halves by the chat or document that they are stored with; "" is the chat itself. */
async function storedSizes(
  archive: Pick<Archive, "segmentKeys">,
  chatId: string,
  rounds: readonly RoundText[],
): Promise<Map<string, SegmentSizes>> {
  const places = new Set(
    rounds.map(({ kvFrom }) => kvFrom?.conversationId ?? ""),
  );
  const sizes = new Map<string, SegmentSizes>();
  for (const place of places)
    sizes.set(place, await archive.segmentKeys(place || chatId));
  return sizes;
}

function titleOf({ title, text, bound }: FoundChat): string {
  const rounds: readonly Pick<RoundText, "id" | "user" | "document">[] =
    bound?.conversation.all ?? text.rounds;
  const first = rounds.find(({ id }) => id !== SYSTEM_ROUND);
  return title || chatTitle(first?.document ?? first?.user ?? "");
}

function byId(a: RoundText, b: RoundText): number {
  return a.id - b.id;
}
