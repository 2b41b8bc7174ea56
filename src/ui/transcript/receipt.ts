/** A turn's receipt as one line. */
import type {
  AttentionReport,
  FusionReport,
  KvReceipt,
  Receipt,
} from "../../engine/api/receipt";
import { attendedToText } from "./attention";

/** A part of the line. */
export interface ReceiptPart {
  text: string;
  /** Whether it is the number of attended rounds, which opens the details. */
  isAttention?: boolean;
}

const ENDINGS: Record<Receipt["finishReason"], string[]> = {
  stop: [],
  length: ["length limit"],
  aborted: ["stopped"],
  cut: ["broken off"],
};

/** A smaller share of saved memory is not shown. */
const WORTH_SAVING = 0.01;

/**
 * For example "restored 1,840 tokens · prefilled 12 · attended to 3 of 41 rounds · 61 % of KV memory saved ·
 * first token 0.2 s · 38 tok/s". Zeros and the ordinary are left out.
 */
export function receiptLine(receipt: Receipt): string {
  return receiptParts(receipt)
    .map(({ text }) => text)
    .join(" · ");
}

/** The line in its parts. */
export function receiptParts(receipt: Receipt): ReceiptPart[] {
  const parts = receipt.kv ? kvParts(receipt.kv) : [];
  const say = (...texts: string[]) => parts.push(...texts.map(part));
  if (receipt.replyTokens > 0)
    say(`first token ${seconds(receipt.timeToFirstTokenMs)}`);
  if (receipt.decodeTokensPerSecond > 0)
    say(`${speed(receipt.decodeTokensPerSecond)} tok/s`);
  say(...ENDINGS[receipt.finishReason]);
  return parts;
}

function part(text: string): ReceiptPart {
  return { text };
}

function kvParts(kv: KvReceipt): ReceiptPart[] {
  const { prefilledTokens, cachedTokens, restoredTokens } = kv;
  const reusedTokens = cachedTokens - restoredTokens;
  const texts: string[] = [];
  if (restoredTokens > 0)
    texts.push(`restored ${count(restoredTokens)} tokens`);
  if (prefilledTokens > 0) texts.push(`prefilled ${count(prefilledTokens)}`);
  if (reusedTokens > 0) texts.push(`reused ${count(reusedTokens)} tokens`);
  texts.push(...fusionParts(kv.fusion));
  return [...texts.map(part), ...attentionParts(kv.attention)];
}

/** Repair, where KV was stale. */
function fusionParts(report: FusionReport): string[] {
  const { repairedTokens, staleRounds, staleTokens } = report;
  if (staleRounds === 0) return [];
  return [
    `repaired ${count(repairedTokens)} of ${count(staleTokens)} stale tokens`,
  ];
}

/** Selection, where rounds were left out. */
function attentionParts(report: AttentionReport): ReceiptPart[] {
  const { roundCount, attended, kvBytes, fullKvBytes } = report;
  const parts: ReceiptPart[] = [];
  if (attended.length < roundCount) {
    const text = attendedToText(attended.length, roundCount);
    parts.push({ text, isAttention: true });
  }
  const saved = fullKvBytes > 0 ? 1 - kvBytes / fullKvBytes : 0;
  if (saved >= WORTH_SAVING)
    parts.push({ text: `${Math.floor(saved * 100)} % of KV memory saved` });
  return parts;
}

function count(tokens: number): string {
  return tokens.toLocaleString("en");
}

function seconds(ms: number): string {
  return ms < 95 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function speed(tokensPerSecond: number): string {
  return tokensPerSecond.toFixed(tokensPerSecond < 9.95 ? 1 : 0);
}
