/**
 * Chooses the rounds of a turn by the model's retrieval heads: the nearest rounds are made resident, keys of all
 * others go to the index, the question is scored (find-rounds.ts), and the rounds that it asks for are chosen. All
 * other KV of a round that is not chosen stays where it is.
 */
import { clearPages, isStored } from "../../memory/half-kv";
import type { KeyIndex } from "../../memory/key-index";
import type { Residency } from "../../memory/residency";
import { isResident, type Round } from "../../memory/round";
import type { RoundIndex } from "../../model/config/round-index";
import type { TextRows } from "../../model/text/text-rows";
import type { IndexKeys } from "../../store/rounds";
import { type Half, HALVES } from "../../util/kv-half";
import type { AttentionSettings } from "../api/replies";
import { chooseRounds, noiseAt } from "../rounds/choose-rounds";
import type { RoundScores } from "../rounds/round-scores";
import type { Selection } from "../rounds/select";
import { type Frame, frameOf } from "../run/attention-frame";
import type { Runner } from "../run/runner";
import { findRounds } from "./find-rounds";
import type { PageBudget } from "./page-budget";

/** What a turn needs to find rounds by retrieval heads. */
export interface HeadSearch {
  index: KeyIndex;
  settings: RoundIndex;
  /** The rows of the message's own text. */
  question: Pick<TextRows, "from" | "to">;
  blank: TextRows;
  /** Stored keys of a round. */
  keysOf: (round: Round) => IndexKeys | undefined;
}

/** The turn that chooses. */
export interface ChoosingTurn {
  runner: Runner;
  residency: Residency;
  contextTokens: number;
  /** The system prompt's round first, then the chat's. */
  history: readonly Round[];
  own: Round;
  /** Tokens that the own round may grow to. */
  ownTokens: number;
  settings: AttentionSettings;
  /** The unit of a round, as in RoundMass. */
  unitOf?: ((round: Round) => number | undefined) | undefined;
}

/** The turn's own steps, as far as they are needed here. */
export interface TurnSteps<P> {
  /** Pins halves of these rounds and makes them resident: kept, restored or computed again. Default: both halves. */
  bring: (
    rounds: readonly Round[],
    halves?: readonly Half[],
  ) => AsyncGenerator<P, void>;
  /** Releases what `bring` pinned. */
  letGo: (rounds: readonly Round[]) => void;
  /** Yielded between submits. */
  progress: () => P;
}

export interface HeadChoice {
  selection: Selection;
  scores: RoundScores;
  noise: number;
}

/**
 * The own round has no KV afterwards.
 *
 * @param rounds of the chat, in order, without the system prompt's
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* chooseByHeads<P>(
  turn: ChoosingTurn,
  search: HeadSearch,
  room: PageBudget,
  steps: TurnSteps<P>,
): AsyncGenerator<P, HeadChoice> {
  const { runner, residency, contextTokens } = turn;
  const { history, own, ownTokens, settings } = turn;
  const { index, question, blank } = search;
  const [system, ...rounds] = history as [Round, ...Round[]];
  const isPinned = ({ id }: Round) => settings.pinned.includes(id);
  const near = rounds.filter(
    (round, i) => i === rounds.length - 1 || isPinned(round),
  );
  yield* steps.bring([system]);
  // Before the near rounds, which may take all the room.
  yield* bringKeys(rounds, search, room, steps);
  const read = [system, ...fitting(near, room)];
  yield* steps.bring(read.slice(1));

  const frame: Frame = frameOf({
    history,
    own: [own],
    ownTokens,
    contextTokens,
    window: runner.cache.window,
    attended: new Set(read.map(({ id }) => id)),
  });
  const scores = yield* findRounds({
    runner,
    residency,
    index,
    settings: search.settings,
    system,
    frame,
    question,
    blank,
    rounds,
    contextTokens,
    progress: steps.progress,
  });
  for (const half of HALVES) clearPages(own[half]);
  steps.letGo(read);
  const noise = noiseAt(search.settings.noise, rounds.length);
  const selection = chooseRounds(
    rounds.map((round, i) => ({
      id: round.id,
      raw: scores.raw[i]!,
      score: scores.score[i]!,
      bytes: room.bytesOf(round),
      isPinned: isPinned(round),
      unit: turn.unitOf?.(round),
    })),
    {
      noise,
      // Without a selection all rounds are chosen, as far as there is room.
      kMin: settings.mode === "all" ? rounds.length : settings.kMin,
      budgetBytes: Math.min(settings.budgetBytes, room.wholeBytes),
    },
  );
  return { selection, scores, noise };
}

/** The last of these rounds that fit together. */
function fitting(rounds: readonly Round[], room: PageBudget): Round[] {
  const taken: Round[] = [];
  for (const round of rounds.toReversed()) {
    const wanted = [round, ...taken];
    if (room.holdsWhole(wanted)) taken.unshift(round);
  }
  return taken;
}

/**
 * Puts the keys of all rounds into the index, as far as there is room: from pages, from what is stored of the keys,
 * from the segments that hold them, or by reading rounds that have no KV at all, in order.
 */
async function* bringKeys<P>(
  rounds: readonly Round[],
  { index, keysOf }: HeadSearch,
  room: PageBudget,
  { bring, letGo }: TurnSteps<P>,
): AsyncGenerator<P, void> {
  index.use(rounds);
  const missing = rounds.filter((round) => !index.has(round));
  const written = missing.filter((round) =>
    index.canWrite(round, keysOf(round)),
  );
  await index.write(written, (round) => keysOf(round)!);
  const rest = missing.filter((round) => !index.has(round));
  await index.copy(rest.filter((round) => index.canCopy(round)));
  const absent = rest.filter((round) => !index.canCopy(round));
  const isThere = (round: Round) =>
    index.halves.every(
      (half) => isResident(round, half) || isStored(round[half]),
    );
  for (const round of absent.filter(isThere)) {
    if (!room.holdsWhole([round])) continue;
    yield* bring([round], index.halves);
    await index.copy([round]);
    letGo([round]);
  }

  const unread = absent.filter((round) => !isThere(round));
  if (unread.length === 0) return;
  // Computed behind all that stands before them where that fits, else each behind the round before it.
  const groups = room.holdsWhole(rounds)
    ? [rounds]
    : unread.map((round) => {
        const at = rounds.indexOf(round);
        const pair = rounds.slice(Math.max(0, at - 1), at + 1);
        return room.holdsWhole(pair) ? pair : [round];
      });
  for (const group of groups) {
    if (!room.holdsWhole(group)) continue;
    yield* bring(group);
    await index.copy(group.filter((round) => index.canCopy(round)));
    letGo(group);
  }
}
