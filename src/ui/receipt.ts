/** What a turn did and what it cost, in one line of plain words. */
import type { Receipt } from "../engine/chat-engine";

const ENDINGS: Record<Receipt["finishReason"], string[]> = {
  stop: [],
  length: ["length limit"],
  aborted: ["stopped"],
};

/** For example "prefilled 23 · reused 41 tokens · first token 0.2 s · 38 tok/s". */
export function receiptLine(receipt: Receipt): string {
  const { prefilledTokens, cachedTokens, replyTokens } = receipt;
  const parts = [
    `prefilled ${count(prefilledTokens)}`,
    `reused ${count(cachedTokens)} tokens`,
  ];
  if (replyTokens > 0)
    parts.push(`first token ${seconds(receipt.timeToFirstTokenMs)}`);
  if (receipt.decodeTokensPerSecond > 0)
    parts.push(`${speed(receipt.decodeTokensPerSecond)} tok/s`);
  return [...parts, ...ENDINGS[receipt.finishReason]].join(" · ");
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
