/** The panel's texts about a round and its halves. Pure functions. */
import type {
  HalfMemory,
  RoundMemory,
} from "../../../engine/api/memory-snapshot";
import { byteText } from "../../base/sizes";
import { shareText, tokensText } from "../base/figures";

/** Where KV of a half is: on the GPU, in the store, in both, or nowhere. */
export type HalfPlace = "resident" | "stored" | "both" | "absent";

/** Signs beside a round. */
export type RoundSign = "pinned" | "stale" | "repaired" | "approximate";

export function placeOf(half: HalfMemory): HalfPlace {
  const isResident = half.residentTokens > 0;
  const isStored = half.storedBytes > 0;
  if (isResident) return isStored ? "both" : "resident";
  return isStored ? "stored" : "absent";
}

/** The part of a half's tokens that is on the GPU, from 0 to 1. */
export function residentShare(half: HalfMemory, tokens: number): number {
  return tokens === 0 ? 0 : Math.min(half.residentTokens / tokens, 1);
}

/** For example "on the GPU (60 of 120 tokens, 61 kB) and stored (31 kB), in use". */
export function halfText(half: HalfMemory, tokens: number): string {
  const { gpuBytes, isInUse, residentTokens, storedBytes } = half;
  const isWhole = residentTokens >= tokens;
  const part = isWhole ? "" : `${residentTokens} of ${tokensText(tokens)}, `;
  const gpu = `on the GPU (${part}${byteText(gpuBytes)})`;
  const stored = `stored (${byteText(storedBytes)})`;
  const words: Record<HalfPlace, string> = {
    resident: `${gpu}, not stored`,
    stored: `${stored}, not on the GPU`,
    both: `${gpu} and ${stored}`,
    absent: "not in memory: computed when needed",
  };
  return words[placeOf(half)] + (isInUse ? ", in use" : "");
}

/** Short, for a cell. */
export const PLACE_WORDS: Record<HalfPlace, string> = {
  resident: "on the GPU",
  stored: "stored",
  both: "on the GPU and stored",
  absent: "absent",
};

/** For example "Round 12". */
export function roundName({
  id,
  kind,
}: Pick<RoundMemory, "id" | "kind">): string {
  if (kind === "system") return "System prompt";
  return kind === "document" ? `Document ${id}` : `Round ${id}`;
}

/** What deleting it removes. */
export function roundContents({ id, kind }: RoundMemory): string {
  return kind === "document"
    ? `document ${id}, with its text`
    : `round ${id}, with its message and its reply`;
}

export function signsOf(round: RoundMemory): RoundSign[] {
  const signs: [RoundSign, boolean][] = [
    ["pinned", round.isPinned],
    ["stale", round.quality === "stale"],
    ["repaired", round.quality === "repaired"],
    ["approximate", round.quality === "approximate"],
  ];
  return signs.filter(([, isSet]) => isSet).map(([sign]) => sign);
}

export const SIGN_MEANINGS: Record<RoundSign, string> = {
  pinned: "every turn attends to it",
  stale: "computed in another context",
  repaired: "some of its tokens were recomputed for a question",
  approximate: "computed from KV that was not exact",
};

export type AttendedReason = NonNullable<RoundMemory["attended"]>;

export const REASON_MEANINGS: Record<AttendedReason, string> = {
  last: "the round before the question is always attended to",
  pinned: "it is pinned",
  mass: "enough of the question’s attention fell on it",
  words: "it shares words with the question",
  recent: "there was room for it, and it is new",
  all: "no selection: the turn attended to every round",
};

/** For example "mass 31 %", "last", "2 %", "–". */
export function attentionText({ attended, mass }: RoundMemory): string {
  const share = mass === undefined ? [] : [shareText(mass)];
  const words = attended === undefined ? share : [attended, ...share];
  return words.length === 0 ? "–" : words.join(" ");
}

/** The same in a sentence. */
export function attentionSentence({ attended, mass }: RoundMemory): string {
  const share =
    mass === undefined
      ? ""
      : ` ${shareText(mass)} of the question’s attention fell on it.`;
  return attended === undefined
    ? `Not attended to in the last turn.${share}`
    : `Attended to in the last turn: ${REASON_MEANINGS[attended]}.${share}`;
}

/** Bytes of both halves on the GPU, and stored. */
export function roundBytes({ lower, upper }: RoundMemory): {
  gpuBytes: number;
  storedBytes: number;
} {
  return {
    gpuBytes: lower.gpuBytes + upper.gpuBytes,
    storedBytes: lower.storedBytes + upper.storedBytes,
  };
}
