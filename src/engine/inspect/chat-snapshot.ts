/** Show the memory panel of one chat: of its rounds on all branches, whether a model has bound it or not. */
import { type KvOrigin, UNKNOWN_ORIGIN } from "../../memory/half-kv";
import { SYSTEM_ROUND } from "../../memory/round";
import type { Residency } from "../../memory/residency";
import type { SegmentUse, StoredHalves } from "../../store/segment-uses";
import { type Half, HALVES } from "../../util/kv-half";
import type {
  ChatMemory,
  HalfMemory,
  RoundMemory,
} from "../api/memory-snapshot";
import type { Archive } from "../archive/archive";
import { originOfUse } from "../archive/archive-records";
import { type ChatRound, isUnanswered } from "../chat/chat-round";
import { chatTitle } from "../chat/chat-title";
import { contextsById } from "../chat/context-hash";
import type { Conversation } from "../chat/conversation";
import { titleOf } from "../chat/history-view";
import { qualityOf, worstQuality } from "../chat/kv-state";
import type { LoadedModel } from "../load/loaded-model";
import type { ChatStores } from "../open/open-archive";

/**
 * Reads what it must of the store.
 *
 * @returns a function that says what is where when it is called; undefined where there is no such chat
 * @throws StoreError
 */
export async function chatMemory(
  { archive, chats }: ChatStores,
  chatId: string,
  withText: boolean,
  loaded: () => LoadedModel | undefined,
): Promise<(() => ChatMemory) | undefined> {
  const found = await chats.find(chatId);
  if (!found) return undefined;
  const { conversation, bound, summary } = found;
  const read = conversation.all.filter((round) => !isUnanswered(round));
  const contexts = await contextsById(read);
  // Once a model has bound the chat, its rounds know what is stored.
  const stored = bound ? undefined : await storedOf(archive, conversation);
  return () => {
    const residency = loaded()?.residency;
    const { lastAttention } = conversation;
    return {
      chatId,
      ...(withText && { title: titleOf(conversation, summary.title) }),
      rounds: conversation.all.map((round): RoundMemory => ({
        ...factsOf(round, conversation, withText),
        lower: halfOf(round, "lower", residency, stored),
        upper: halfOf(round, "upper", residency, stored),
        quality: stored
          ? worstQuality(originsOf(stored, round), contexts.get(round.id) ?? "")
          : qualityOf(round, contexts.get(round.id) ?? ""),
        attended: lastAttention?.attended.get(round.id),
        mass: lastAttention?.mass?.get(round.id),
      })),
      shownIds: conversation.branch.map(({ id }) => id),
    };
  };
}

/** What is known of a round without its KV. */
function factsOf(
  { id, parentId, tokens, document, user }: ChatRound,
  { pinned, system }: Conversation,
  withText: boolean,
): Omit<RoundMemory, "lower" | "upper" | "quality"> {
  const isSystem = id === SYSTEM_ROUND;
  const said = isSystem ? (system ?? "") : (document ?? user);
  return {
    id,
    parentId,
    kind: isSystem ? "system" : document === undefined ? "round" : "document",
    tokens: tokens.length,
    isPinned: pinned.has(id),
    ...(withText && { text: chatTitle(said) }),
  };
}

function halfOf(
  round: ChatRound,
  half: Half,
  residency: Residency | undefined,
  stored: ReadonlyMap<string, StoredHalves> | undefined,
): HalfMemory {
  const kv = round[half];
  return {
    residentTokens: kv.computedTokens,
    gpuBytes: residency?.bytesOf([round], half) ?? 0,
    storedBytes: stored
      ? (useOf(stored, round, half)?.bytes ?? 0)
      : kv.stored.bytes,
    isInUse: residency?.isPinned(round, half) ?? false,
  };
}

/** A round's segment: its own, or the one that it shares. */
function useOf(
  stored: ReadonlyMap<string, StoredHalves>,
  { id, kvFrom }: ChatRound,
  half: Half,
): SegmentUse | undefined {
  const own = stored.get("")?.get(id)?.[half];
  if (own || !kvFrom) return own;
  return stored.get(kvFrom.conversationId ?? "")?.get(kvFrom.roundId)?.[half];
}

function originsOf(
  stored: ReadonlyMap<string, StoredHalves>,
  round: ChatRound,
): (KvOrigin | undefined)[] {
  return HALVES.map((half) => {
    const use = useOf(stored, round, half);
    return use && (originOfUse(use) ?? UNKNOWN_ORIGIN);
  });
}

/** What is stored by the chat or document that it is stored with; "" is the chat itself. */
async function storedOf(
  archive: Pick<Archive, "storedHalves">,
  { id, all }: Conversation,
): Promise<Map<string, StoredHalves>> {
  const places = new Set(all.map(({ kvFrom }) => kvFrom?.conversationId ?? ""));
  places.add("");
  const stored = new Map<string, StoredHalves>();
  for (const place of places)
    stored.set(place, await archive.storedHalves(place || id));
  return stored;
}
