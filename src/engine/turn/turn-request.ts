/** A turn's request: the caller's options over the model's defaults, checked once. */
import type { BoundChat } from "../chat/bound-chat";
import type { ChatRound } from "../chat/chat-round";
import type { Conversation } from "../chat/conversation";
import type {
  AttentionSettings,
  FusionSettings,
  FusionVariant,
  ReplyOptions,
} from "../api/replies";
import type { KvCache } from "../../memory/kv-cache";
import { PAGE_TOKENS } from "../../memory/page-pool";
import type { Model } from "../load/load-model";
import { globalLayerFrom } from "../../model/config/global-layers";
import type { Network } from "../load/network";
import { CHECK_LAYER, repairMethod } from "../fusion/repair";
import { isForced, type ToolReply } from "../reply/reply-calls";
import { checkLogitBias } from "../reply/draw-rules";
import { samplerSettings } from "../reply/sampler-settings";
import type { ChatTokens } from "../../model/text/chat-tokens";
import type { Tokenizer } from "../../model/text/tokenizer";
import { blankRows, textRows } from "../../model/text/text-rows";
import type { TurnRequest } from "./turn";

const DEFAULT_MAX_TOKENS = 1024;
/**
 * Share of the trained range that selected rounds may fill. In a very long chat the attention spreads thinly over
 * all rounds, and nine tenths of it are many rounds: more than a turn has time for, and more than help.
 */
const SELECTED_SHARE = 1 / 3;

/**
 * The fewest rounds that retrieval heads choose: asked in other words, the right one is among the first three in
 * three of four cases or more, and the first in two (docs/selection.md).
 */
const HEADS_K_MIN = 3;

/** Share of the context that is repaired if KV is stale: A³'s own choice. */
const REPAIRED_SHARE = 0.15;
const VARIANTS: readonly FusionVariant[] = [
  "rounds",
  "a3",
  "lite",
  "watershed",
  "edges",
];

/**
 * Refuses values that no model could use.
 *
 * @throws RangeError that names the option, the valid values and the given one
 */
export function checkReplyOptions({
  attention,
  fusion,
  sampler,
  maxTokens,
}: ReplyOptions): void {
  if (Number.isNaN(maxTokens))
    throw new RangeError("maxTokens must be a number, not NaN.");
  samplerSettings({}, sampler);
  attentionSettings({ tau: 1, kMin: 1 }, Infinity, attention);
  fusionSettings(fusion);
}

/**
 * @param round the message to answer
 * @throws RangeError that names the setting, the valid values and the given one
 */
export function turnRequest(
  model: Model,
  chat: BoundChat,
  round: ChatRound,
  {
    sampler,
    attention,
    fusion,
    thinks = true,
    responseFormat,
    toolChoice = "auto",
    maxTokens = DEFAULT_MAX_TOKENS,
    stop = [],
    topLogprobs,
    signal,
  }: ReplyOptions,
): TurnRequest {
  const {
    generation,
    tokenizer,
    template,
    network,
    selection,
    index,
    choosesByWords,
  } = model;
  const { conversation } = chat;
  const tools = calledTools(conversation, { responseFormat, toolChoice });
  const isFree = !responseFormat && !isForced(tools?.choice);
  const tokens = thinks && isFree ? chat.tokens : chat.unthinking;
  const isFirst = conversation.historyOf(round).length === 1;
  const place = { isFirst, results: round.results };
  const openTokens = tokens.open(round.user, place);
  // If a model's files name no stop token, the token with which its template ends a reply is used.
  const [closing] = tokens.close;
  const marks = closing !== undefined && !tokenizer.isText(closing);
  const { numAttentionHeads: heads, vocabSize } = network.config;
  if (sampler?.logitBias) checkLogitBias(sampler.logitBias, vocabSize);
  return {
    openTokens,
    closeTokens: tokens.close,
    textFingerprint: chat.textFingerprint,
    stopTokens: new Set([
      ...generation.eosTokenIds,
      ...(marks ? [closing] : []),
      // Models that miss their end go on with the user's next turn.
      ...turnMarks(tokens, tokenizer),
    ]),
    stopTexts: [...template.stopTexts, ...stop],
    sampler: samplerSettings(generation.sampler, sampler),
    attention: modelAttention(model, {
      ...attention,
      pinned: [...(attention?.pinned ?? []), ...conversation.pinned],
    }),
    massRows:
      selection.rows === "tail" ? tokens.tailTokens(place) : openTokens.length,
    massHeads:
      selection.heads === "all"
        ? Array.from({ length: heads }, (_, head) => head)
        : selection.heads,
    search: index && {
      settings: index,
      question: textRows(tokens, openTokens, place),
      blank: blankRows(tokens),
    },
    choosesByWords,
    fusion: repairOf(network, fusion),
    maxTokens: Math.max(1, maxTokens),
    topLogprobs,
    tools: tools && { ...tools, format: tokens.callFormat },
    signal,
  };
}

/**
 * What a reply may call.
 *
 * @throws RangeError if the choice names no tool of the chat
 */
function calledTools(
  { tools = [] }: Pick<Conversation, "tools">,
  {
    responseFormat,
    toolChoice: choice = "auto",
  }: Pick<ReplyOptions, "responseFormat" | "toolChoice">,
): Omit<ToolReply, "format"> | undefined {
  const names = tools.map(({ name }) => name);
  if (typeof choice === "object" && !names.includes(choice.name))
    throw new RangeError(
      `toolChoice names ${choice.name}; the chat's tools are ${names.join(", ") || "none"}.`,
    );
  if (choice === "required" && tools.length === 0)
    throw new RangeError("toolChoice is required, and the chat has no tools.");
  const isOff = tools.length === 0 || responseFormat || choice === "none";
  return isOff ? undefined : { tools, choice };
}

/** The markers in front of a message: none of them is part of a reply. */
function turnMarks(
  tokens: ChatTokens,
  tokenizer: Pick<Tokenizer, "isText">,
): number[] {
  const place = { isFirst: false };
  const head = tokens.open("", place).slice(0, tokens.headTokens(place));
  return head.filter((token) => !tokenizer.isText(token));
}

/**
 * How turns of a model choose rounds.
 *
 * @param wanted in place of the model's defaults
 * @throws RangeError that names the setting, the valid values and the given one
 */
export function modelAttention(
  { selection, index, choosesByWords, contextTokens, network }: Model,
  wanted: Partial<AttentionSettings> = {},
): AttentionSettings {
  return attentionSettings(
    { tau: selection.tau, kMin: index ? HEADS_K_MIN : 1 },
    SELECTED_SHARE *
      contextTokens *
      chosenBytes(network.cache, choosesByWords || index !== undefined),
    wanted,
  );
}

/** @throws RangeError */
function attentionSettings(
  { tau, kMin }: Pick<AttentionSettings, "tau" | "kMin">,
  budgetBytes: number,
  wanted: Partial<AttentionSettings> = {},
): AttentionSettings {
  const settings: AttentionSettings = {
    mode: wanted.mode ?? "rounds",
    tau: wanted.tau ?? tau,
    kMin: wanted.kMin ?? kMin,
    budgetBytes:
      wanted.budgetBytes ?? (wanted.mode === "all" ? Infinity : budgetBytes),
    pinned: wanted.pinned ?? [],
  };
  if (settings.mode !== "rounds" && settings.mode !== "all")
    throw new RangeError(
      `attention.mode must be "rounds" or "all", not ${String(settings.mode)}.`,
    );
  within("attention.tau", settings.tau, 1);
  within("attention.kMin", settings.kMin, Infinity);
  within("attention.budgetBytes", settings.budgetBytes, Infinity);
  return settings;
}

/** Bytes that a token of a chosen round takes: of its upper half, or of both. */
function chosenBytes(
  { upper, tokenBytes }: KvCache,
  bringsBoth: boolean,
): number {
  return bringsBoth ? tokenBytes : upper.pageBytes / PAGE_TOKENS;
}

/** @throws RangeError */
function fusionSettings({
  variant = "rounds",
  ratio = REPAIRED_SHARE,
}: Partial<FusionSettings> = {}): FusionSettings {
  if (!VARIANTS.includes(variant))
    throw new RangeError(
      `fusion.variant must be one of ${VARIANTS.join(", ")}, not ${variant as string}.`,
    );
  within("fusion.ratio", ratio, 1);
  return { variant, ratio };
}

function repairOf(
  { cache, config }: Network,
  wanted: Partial<FusionSettings> | undefined,
): TurnRequest["fusion"] {
  const { variant, ratio } = fusionSettings(wanted);
  const watershed = cache.lower.layerCount - 1;
  const firstGlobal = globalLayerFrom(config, CHECK_LAYER);
  return { ratio, method: repairMethod(variant, watershed, firstGlobal) };
}

function within(name: string, value: number, high: number): void {
  if (!(value >= 0 && value <= high))
    throw new RangeError(
      `${name} must be between 0 and ${high}, not ${value}.`,
    );
}
