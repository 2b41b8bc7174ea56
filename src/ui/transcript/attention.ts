/**
 * Which of the shown rounds a reply attended to. Receipts have the reason and share of each; replies from before a
 * reload only the ids. Pure functions.
 */
import type { AttendedRound } from "../../engine/api/receipt";
import { plainName } from "../base/plain-name";
import { isKept, type KeptRound, type Round } from "../state/chats/round";

/** What a reply attended to, as the page can show it. */
export interface Attention {
  /** The page's id of the reply's round. */
  readonly roundId: number;
  /** Rounds before it. */
  readonly roundCount: number;
  /** Those of them that it attended to, oldest first. */
  readonly marks: readonly AttentionMark[];
  /** Attended rounds that are not before it now: on another branch, or deleted. */
  readonly hiddenCount: number;
}

/** A round that a reply attended to. */
export interface AttentionMark {
  /** The page's id. */
  readonly roundId: number;
  /** Its number in the chat, from 1. */
  readonly place: number;
  /** How its message begins, or the document's name. */
  readonly words: string;
  /** Why it was attended to, in a few words; empty if unknown. */
  readonly why: string;
}

const REASONS: Record<AttendedRound["reason"], string> = {
  last: "the last round",
  pinned: "pinned",
  mass: "by attention",
  words: "by its words",
  recent: "recent",
  all: "",
};

const WORDS_LENGTH = 80;

/** What a round's reply attended to; undefined for all, or if unknown. */
export function attentionOf(
  rounds: readonly Round[],
  roundId: number,
): Attention | undefined {
  const kept = rounds.filter(isKept);
  const at = kept.findIndex(({ id }) => id === roundId);
  const attended = kept[at] && attendedBy(kept[at]);
  if (attended === undefined) return undefined;
  const reasons = new Map(attended.map((one) => [one.id, one]));
  const marks = kept.slice(0, at).flatMap((round, i): AttentionMark[] => {
    const known = reasons.get(round.keptId);
    if (known === undefined) return [];
    const place = i + 1;
    return [
      { roundId: round.id, place, words: wordsOf(round), why: whyOf(known) },
    ];
  });
  const hiddenCount = attended.length - marks.length;
  return { roundId, roundCount: at, marks, hiddenCount };
}

/**
 * "attended to 3 of 41 rounds", by the page's ids, for replies without a receipt; those that attended to all are left
 * out.
 */
export function attentionLabels(
  rounds: readonly Round[],
): ReadonlyMap<number, string> {
  const kept = rounds.filter(isKept);
  const places = new Map(kept.map(({ keptId }, at) => [keptId, at]));
  const labels = new Map<number, string>();
  kept.forEach(({ id, attended, receipt }, at) => {
    if (attended === undefined || receipt?.kv !== undefined) return;
    const isBefore = (one: number) => (places.get(one) ?? at) < at;
    const count = attended.filter(isBefore).length;
    if (count < at) labels.set(id, attendedToText(count, at));
  });
  return labels;
}

export function attendedToText(count: number, roundCount: number): string {
  const [some, all] = [count, roundCount].map((n) => n.toLocaleString("en"));
  return `attended to ${some} of ${all} ${roundCount === 1 ? "round" : "rounds"}`;
}

/** The current ids with the receipt's reasons: a round copied to another branch has both. */
function attendedBy({
  attended,
  receipt,
}: KeptRound): readonly Partial<AttendedRound>[] | undefined {
  const said = receipt?.kv?.attention.attended;
  if (attended === undefined) return said;
  const isSame = said?.length === attended.length;
  return attended.map((id, i) => ({ ...(isSame && said[i]), id }));
}

function whyOf({ reason = "all", mass = 0 }: Partial<AttendedRound>): string {
  const share = mass > 0 ? percent(mass) : "";
  return [REASONS[reason], share].filter((part) => part !== "").join(", ");
}

function percent(share: number): string {
  return share < 0.005 ? "under 1 %" : `${Math.round(share * 100)} %`;
}

function wordsOf({ document, message }: Round): string {
  const words = (document ?? message).slice(0, 4 * WORDS_LENGTH);
  const line = plainName(words.replace(/\s+/g, " ")).trim();
  return line.length <= WORDS_LENGTH
    ? line
    : `${line.slice(0, WORDS_LENGTH).trimEnd()}…`;
}
