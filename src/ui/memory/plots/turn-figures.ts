/** The panel's figures of turns: phases and receipt of one, and plots over all. Pure functions. */
import type {
  KvReceipt,
  Receipt,
  TurnPhases,
} from "../../../engine/api/receipt";
import type {
  MemorySnapshot,
  TurnRecord,
} from "../../../engine/api/memory-snapshot";
import { byteText, wholeText } from "../../base/sizes";
import { msText, shareText, speedText, tokensText } from "../base/figures";

/** In the order in which they happen. */
export const PHASES: { key: keyof TurnPhases; name: string }[] = [
  { key: "lowerMs", name: "Lower halves" },
  { key: "readMs", name: "Reading" },
  { key: "selectMs", name: "Selecting" },
  { key: "upperMs", name: "Upper halves" },
  { key: "answerMs", name: "First token" },
  { key: "decodeMs", name: "Other tokens" },
];

/** The last turn of the shown chat. */
export function lastTurn({
  chat,
  turns,
}: MemorySnapshot): TurnRecord | undefined {
  return turns.findLast(({ chatId }) => chatId === chat?.chatId);
}

const ENDINGS: Record<Receipt["finishReason"], string> = {
  stop: "the reply is complete",
  length: "at the length limit",
  aborted: "stopped",
  cut: "broken off",
};

/** A turn's receipt as terms and descriptions; zeros are left out. */
export function receiptRows({
  receipt,
  uploadedBytes,
}: TurnRecord): [term: string, description: string][] {
  const { kv } = receipt;
  const rows: [string, string | undefined][] = [
    ["First token", firstToken(receipt)],
    ["Reply", replyText(receipt)],
    ["Reused", tokens(kv.cachedTokens - kv.restoredTokens)],
    ["Restored", tokens(kv.restoredTokens)],
    ["Prefilled", tokens(kv.prefilledTokens)],
    ["Attended to", attendedText(kv)],
    ["KV needed", kvText(kv)],
    ["Repaired", repairText(kv)],
    [
      "Written to the GPU",
      uploadedBytes > 0 ? byteText(uploadedBytes) : undefined,
    ],
    ["Ended", ENDINGS[receipt.finishReason]],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

function tokens(count: number): string | undefined {
  return count > 0 ? tokensText(count) : undefined;
}

function firstToken(receipt: Receipt): string | undefined {
  return receipt.replyTokens > 0
    ? `after ${msText(receipt.timeToFirstTokenMs)}`
    : undefined;
}

function replyText(receipt: Receipt): string {
  const { decodeTokensPerSecond, replyTokens } = receipt;
  const speed =
    decodeTokensPerSecond > 0 ? `, ${speedText(decodeTokensPerSecond)}` : "";
  return tokensText(replyTokens) + speed;
}

function attendedText({ attention }: KvReceipt): string | undefined {
  const { attended, capturedMass, greatestScore, isCut, noise, roundCount } =
    attention;
  if (roundCount === 0) return undefined;
  const rounds = `${wholeText(attended.length)} of ${wholeText(roundCount)} rounds`;
  const isByAttention = attended.every(({ reason }) =>
    ["last", "pinned", "mass"].includes(reason),
  );
  const mass = isByAttention
    ? `, which hold ${shareText(capturedMass)} of the question’s attention`
    : "";
  const heads =
    greatestScore !== undefined && noise !== undefined
      ? ` in retrieval heads; the most wanted one drew ${shareText(greatestScore)} of a head’s attention, and a question that asks for nothing draws up to ${shareText(noise)}`
      : "";
  return rounds + mass + heads + (isCut ? "; the budget left some out" : "");
}

function kvText({ attention: { fullKvBytes, kvBytes } }: KvReceipt): string {
  const share = fullKvBytes > 0 ? ` (${shareText(kvBytes / fullKvBytes)})` : "";
  return `${byteText(kvBytes)}, of ${byteText(fullKvBytes)} for the whole chat${share}`;
}

function repairText({ fusion }: KvReceipt): string | undefined {
  const { repairedRounds, repairedTokens, staleRounds, staleTokens } = fusion;
  if (staleRounds === 0) return undefined;
  return (
    `${wholeText(repairedTokens)} of ${wholeText(staleTokens)} stale tokens, ` +
    `in ${wholeText(repairedRounds)} of ${wholeText(staleRounds)} rounds`
  );
}

/** One plot over all turns: name, lines, and number format. */
export interface TurnPlot {
  name: string;
  kind: "lines" | "bars";
  lines: { name: string; tone: number; values: number[] }[];
  format: (value: number) => string;
}

export function turnPlots(turns: readonly TurnRecord[]): TurnPlot[] {
  return [
    {
      name: "On the GPU",
      kind: "lines",
      format: byteText,
      lines: [
        { name: "all", tone: 1, values: turns.map((turn) => turn.gpuBytes) },
        { name: "KV", tone: 2, values: turns.map((turn) => turn.kvBytes) },
      ],
    },
    {
      name: "Written to the GPU",
      kind: "bars",
      format: byteText,
      lines: [
        {
          name: "a turn",
          tone: 4,
          values: turns.map((turn) => turn.uploadedBytes),
        },
      ],
    },
    {
      name: "Time to the first token",
      kind: "lines",
      format: msText,
      lines: [
        {
          name: "",
          tone: 5,
          values: turns.map(({ receipt }) => receipt.timeToFirstTokenMs),
        },
      ],
    },
    {
      name: "Speed",
      kind: "lines",
      format: speedText,
      lines: [
        {
          name: "",
          tone: 2,
          values: turns.map(({ receipt }) => receipt.decodeTokensPerSecond),
        },
      ],
    },
  ];
}
