/**
 * Chats in which KV is reused out of its context, with questions whose answers are known: the file that
 * tools/demo-model/fusion_cases.py writes. That program says what the kinds are.
 */
import * as v from "valibot";

export interface FusionCases {
  madeBy: string;
  cases: FusionCase[];
}

export type FusionCase = RecallCase | LeakCase;
export type FusionKind = FusionCase["kind"];

/** A fact that stands in `after` is asked for. */
export interface RecallCase extends CaseChats {
  kind: (typeof RECALL_KINDS)[number];
  value: string;
  /** What was told before the edit, or in the deleted round. */
  wrong?: string | undefined;
}

/** What a deleted round told is asked for. */
export interface LeakCase extends CaseChats {
  kind: "leak";
  value: null;
  wrong: string;
  /** Sentences that say that it was not told. */
  unknown: string[];
}

interface CaseChats {
  seed: number;
  /** The system prompt of `after`; null is the template's own. */
  system: string | null;
  before: {
    /** The system prompt under which its KV is computed; null is the template's own. */
    system: string | null;
    /** KV of these is computed one after the other. */
    rounds: FusionRound[];
    /** KV of each of these is computed right behind the system prompt. */
    alone: FusionRound[];
  };
  /** Those that `before` does not have are prefilled where they lie. */
  after: { rounds: FusionRound[] };
  question: string;
  /** A right reply. */
  reply: string;
  /** The id of the round that tells what is asked for. */
  source: number;
}

export interface FusionRound {
  id: number;
  user: string;
  reply: string;
}

const RECALL_KINDS = [
  "edited",
  "deleted",
  "moved",
  "attached",
  "system",
] as const;

export const FUSION_KINDS = [...RECALL_KINDS, "leak"] as const;

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const value = v.pipe(v.string(), v.regex(/^[\p{L}\p{N}]+$/u, "one word"));
const prompt = v.nullable(v.string());

const chats = {
  seed: v.pipe(v.number(), v.safeInteger()),
  system: prompt,
  rounds: v.array(v.object({ id, user: v.string(), reply: v.string() })),
  before: v.object({
    system: v.optional(prompt),
    rounds: v.array(id),
    alone: v.optional(v.array(id), []),
  }),
  after: v.object({ rounds: v.array(id) }),
  question: v.string(),
  reply: v.string(),
  source: id,
};

const file = v.object({
  madeBy: v.string(),
  cases: v.array(
    v.variant("kind", [
      v.object({
        ...chats,
        kind: v.picklist(RECALL_KINDS),
        value,
        wrong: v.optional(value),
      }),
      v.object({
        ...chats,
        kind: v.literal("leak"),
        value: v.null(),
        wrong: value,
        unknown: v.array(v.string()),
      }),
    ]),
  ),
});

/**
 * The cases, with rounds in place of their ids.
 *
 * @throws ValiError where the file has another form, Error where ids do not fit together
 */
export function readFusionCases(json: unknown): FusionCases {
  const { madeBy, cases } = v.parse(file, json);
  return {
    madeBy,
    cases: cases.map(({ rounds, before, after, ...rest }) => {
      const byId = new Map(rounds.map((round) => [round.id, round]));
      const chat = (ids: readonly number[]) =>
        ids.map((id) => {
          const round = byId.get(id);
          if (!round)
            throw new Error(`Case ${rest.seed} has no round of id ${id}.`);
          return round;
        });
      const computed = [...before.rounds, ...before.alone];
      for (const ids of [rounds.map(({ id }) => id), computed, after.rounds])
        if (new Set(ids).size < ids.length)
          throw new Error(
            `Case ${rest.seed} has the same id twice: ${ids.join(", ")}.`,
          );
      chat([rest.source]);
      return {
        ...rest,
        before: {
          system: before.system === undefined ? rest.system : before.system,
          rounds: chat(before.rounds),
          alone: chat(before.alone),
        },
        after: { rounds: chat(after.rounds) },
      };
    }),
  };
}

/** Ids of the rounds of `after` whose KV comes from another context. */
export function staleRounds({ system, before, after }: FusionCase) {
  const isSameSystem = before.system === system;
  const inOrder = before.rounds.map(({ id }) => id);
  const alone = before.alone.map(({ id }) => id);
  const stale = new Set<number>();
  let isSameSoFar = isSameSystem;
  for (const [i, { id }] of after.rounds.entries()) {
    isSameSoFar &&= inOrder[i] === id;
    const isInContext = alone.includes(id)
      ? isSameSystem && i === 0
      : isSameSoFar || !inOrder.includes(id);
    if (!isInContext) stale.add(id);
  }
  return stale;
}

/** Whether a reply has the value asked for; where there is none, whether it says so. Other values make it wrong. */
export function answersRight(one: FusionCase, reply: string): boolean {
  if (leaks(one, reply)) return false;
  return one.kind === "leak"
    ? one.unknown.some((sentence) => reply.includes(sentence))
    : mentions(reply, one.value);
}

/** Whether a reply has the value that was edited or deleted. */
export function leaks({ wrong }: FusionCase, reply: string): boolean {
  return wrong !== undefined && mentions(reply, wrong);
}

/** Whether a value is one of the words of a text, in capitals or not. */
function mentions(text: string, value: string): boolean {
  const words = text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu);
  return [...words].some(([word]) => word === value.toLowerCase());
}
