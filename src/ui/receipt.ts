/** What a turn did and what it cost, in one line of plain words. */
import type {
  AttentionReport,
  FusionReport,
  Receipt,
} from "../engine/chat-engine";

const ENDINGS: Record<Receipt["finishReason"], string[]> = {
  stop: [],
  length: ["length limit"],
  aborted: ["stopped"],
};

/** Less than this share of the memory saved is not worth a word. */
const WORTH_SAVING = 0.01;

/**
 * For example "prefilled 23 · reused 41 tokens · first token 0.2 s · 38 tok/s". What is zero, or went as
 * a reader would expect, is left out.
 */
export function receiptLine(receipt: Receipt): string {
  const { prefilledTokens, cachedTokens, restoredTokens } = receipt;
  const reusedTokens = cachedTokens - restoredTokens;
  const parts: string[] = [];
  if (restoredTokens > 0)
    parts.push(`restored ${count(restoredTokens)} tokens`);
  if (prefilledTokens > 0) parts.push(`prefilled ${count(prefilledTokens)}`);
  if (reusedTokens > 0) parts.push(`reused ${count(reusedTokens)} tokens`);
  parts.push(...fusionParts(receipt.fusion));
  parts.push(...attentionParts(receipt.attention));
  if (receipt.replyTokens > 0)
    parts.push(`first token ${seconds(receipt.timeToFirstTokenMs)}`);
  if (receipt.decodeTokensPerSecond > 0)
    parts.push(`${speed(receipt.decodeTokensPerSecond)} tok/s`);
  return [...parts, ...ENDINGS[receipt.finishReason]].join(" · ");
}

/** What was computed again, where anything was computed in another context than the chat has now. */
function fusionParts(report: FusionReport): string[] {
  const { repairedTokens, staleRounds, staleTokens } = report;
  if (staleRounds === 0) return [];
  return [
    `repaired ${count(repairedTokens)} of ${count(staleTokens)} stale tokens`,
  ];
}

/** What was left aside, where anything was. */
function attentionParts(report: AttentionReport): string[] {
  const { roundCount, attended, kvBytes, fullKvBytes } = report;
  const parts: string[] = [];
  if (attended.length < roundCount)
    parts.push(
      `attended to ${count(attended.length)} of ${count(roundCount)} rounds`,
    );
  const saved = fullKvBytes > 0 ? 1 - kvBytes / fullKvBytes : 0;
  if (saved >= WORTH_SAVING)
    parts.push(`${Math.floor(saved * 100)} % of KV memory saved`);
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
