/**
 * Finds the rounds that a question asks for, by a few retrieval heads (QRHead, arXiv 2506.09944). The question is
 * read behind the system prompt and the nearest rounds alone, and scored against the index of all rounds, every
 * round as if it ended right before the question. What a question without content gets is subtracted.
 *
 *     "N/A"     behind [system]                  layers 0..z ─► scores of all rounds ─┐
 *     question  behind [system][near rounds]     layers 0..z ─► scores of all rounds ─┴─► how much each is asked for
 *
 * z is the deepest layer with a retrieval head.
 */
import type { KeyIndex } from "../../memory/key-index";
import { Pins, type Residency } from "../../memory/residency";
import { newRound, type Round } from "../../memory/round";
import type { RoundIndex } from "../../model/config/round-index";
import type { TextRows } from "../../model/text/text-rows";
import { HALVES } from "../../util/kv-half";
import { type RoundScores, scoreRounds } from "../rounds/round-scores";
import { MOST_SCORED_ROWS, scoreReaderOf } from "../run/score-reader";
import type { UnitSoftmax } from "../run/unit-softmax";
import { type Frame, frameOf } from "../run/attention-frame";
import { pendingSpans, type Runner } from "../run/runner";

export interface FindRequest<P> {
  runner: Runner;
  residency: Residency;
  index: KeyIndex;
  /** How the index's heads are read. */
  settings: RoundIndex;
  /** The system prompt's round, whose KV is resident. */
  system: Round;
  /** What the question is read behind, resident; its own round comes last, with pages and without KV. */
  frame: Frame;
  question: Pick<TextRows, "from" | "to">;
  /** A message without content. */
  blank: TextRows;
  /** The rounds to score; the index has their keys. */
  rounds: readonly Round[];
  contextTokens: number;
  /** Yielded between submits. */
  progress: () => P;
}

/**
 * The own round's KV is computed up to the deepest head alone.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* findRounds<P>(
  request: FindRequest<P>,
): AsyncGenerator<P, RoundScores> {
  const { residency, system, frame, blank, rounds, settings } = request;
  const empty = newRound(-1, blank.tokens);
  const pins = new Pins(residency);
  let without: UnitSoftmax[];
  try {
    for (const half of HALVES) {
      pins.add(empty, half);
      await residency.give(empty, half);
    }
    const behind = frameOf({
      history: [system],
      own: [empty],
      ownTokens: blank.tokens.length,
      contextTokens: request.contextTokens,
    });
    without = yield* scoresOf(request, behind, blank);
  } finally {
    pins.release();
    for (const half of HALVES) residency.drop(empty, half);
  }
  const asked = yield* scoresOf(request, frame, request.question);
  return scoreRounds({
    question: asked,
    blank: without,
    first: asked[0]!.units - rounds.length,
    how: settings.how,
  });
}

/** What each head sees of the system prompt, of the own round and of all others. */
async function* scoresOf<P>(
  { runner, index, settings, system, rounds, progress }: FindRequest<P>,
  frame: Frame,
  { from, to }: Pick<TextRows, "from" | "to">,
): AsyncGenerator<P, UnitSoftmax[]> {
  const { heads } = settings;
  const own = frame.lower.at(-1)!;
  const resident = [
    ...(system.tokens.length > 0
      ? [{ round: system, ahead: system.tokens.length }]
      : []),
    { round: own.round, ahead: 0 },
  ];
  const reader = scoreReaderOf(runner);
  const reading = runner.prefill({
    frame,
    rows: pendingSpans([own]),
    layers: { from: 0, to: deepestLayer(settings) + 1 },
    scores: {
      heads,
      // The last ones of a long message.
      rows: { from: Math.max(from, to - MOST_SCORED_ROWS), to },
      resident,
      indexed: rounds.map((round) => ({
        pages: index.pagesOf(round),
        // A round for which the index has no room is not found.
        tokens: index.pagesOf(round).length > 0 ? round.tokens.length : 0,
        ahead: round.tokens.length,
      })),
      ...(index.keys && { indexKeys: index.keys }),
    },
  });
  for await (const _ of reading) yield progress();
  return reader.read();
}

function deepestLayer({ heads }: Pick<RoundIndex, "heads">): number {
  return Math.max(...heads.map(({ layer }) => layer));
}
