/** What a turn is asked to do: the caller's wishes over the model's defaults, checked once. */
import type { BoundChat } from "./chat";
import type { AttentionSettings, ReplyOptions } from "./chat-engine";
import type { KvCache } from "../memory/kv-cache";
import { PAGE_TOKENS } from "../memory/page-pool";
import type { Model } from "./model";
import { samplerSettings } from "./sampler-settings";
import type { TurnRequest } from "./turn";

const DEFAULT_MAX_TOKENS = 1024;
/**
 * Of the trained range, what selected rounds may fill. In a very long chat every round has a little of the
 * attention, and nine tenths of it are many rounds: more than a turn has time for, and more than help.
 */
const SELECTED_SHARE = 1 / 3;

/** @throws RangeError that names the setting, what it may be and what came */
export function turnRequest(
  { generation, tokenizer, network, selection, contextTokens }: Model,
  { conversation, tokens }: BoundChat,
  message: string,
  { sampler, attention, maxTokens = DEFAULT_MAX_TOKENS, signal }: ReplyOptions,
): TurnRequest {
  if (Number.isNaN(maxTokens))
    throw new RangeError("maxTokens must be a number, not NaN.");
  const isFirst = conversation.rounds.length === 1;
  const openTokens = tokens.open(message, { isFirst });
  // A model whose files name no stop token ends with what its template ends a reply with.
  const [closing] = tokens.close;
  const marks = closing !== undefined && !tokenizer.isText(closing);
  const heads = network.config.numAttentionHeads;
  return {
    message,
    openTokens,
    closeTokens: tokens.close,
    stopTokens: new Set([
      ...generation.eosTokenIds,
      ...(marks ? [closing] : []),
    ]),
    sampler: samplerSettings(generation.sampler, sampler),
    attention: attentionSettings(
      selection,
      SELECTED_SHARE * contextTokens * upperBytes(network.cache),
      attention,
    ),
    massRows: selection.rows === "tail" ? tokens.tailTokens : openTokens.length,
    massHeads:
      selection.heads === "all"
        ? Array.from({ length: heads }, (_, head) => head)
        : selection.heads,
    maxTokens: Math.max(1, maxTokens),
    signal,
  };
}

/** @throws RangeError */
function attentionSettings(
  { tau }: Pick<AttentionSettings, "tau">,
  budgetBytes: number,
  wanted: Partial<AttentionSettings> = {},
): AttentionSettings {
  const settings: AttentionSettings = {
    mode: wanted.mode ?? "rounds",
    tau: wanted.tau ?? tau,
    kMin: wanted.kMin ?? 1,
    budgetBytes:
      wanted.budgetBytes ?? (wanted.mode === "all" ? Infinity : budgetBytes),
    pinned: wanted.pinned ?? [],
  };
  if (settings.mode !== "rounds" && settings.mode !== "all")
    throw new RangeError(
      `attention.mode must be "rounds" or "all", not ${String(settings.mode)}.`,
    );
  within("tau", settings.tau, 1);
  within("kMin", settings.kMin, Infinity);
  within("budgetBytes", settings.budgetBytes, Infinity);
  return settings;
}

/** Of one token. */
function upperBytes({ upper }: KvCache): number {
  return upper.pageBytes / PAGE_TOKENS;
}

function within(name: string, value: number, high: number): void {
  if (!(value >= 0 && value <= high))
    throw new RangeError(
      `attention.${name} must be between 0 and ${high}, not ${value}.`,
    );
}
