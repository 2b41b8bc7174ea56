/**
 * Measures how much every head of a model gains on each round of chats whose answers are known: what the choice of
 * retrieval heads is made from (choose-heads.ts). Questions are read as a turn reads them (find-rounds.ts): behind the
 * system prompt and the last round alone, scored against all rounds at even distance, less what a question without
 * content gets.
 */
import { Pins, type Residency } from "../../memory/residency";
import { newRound, type Round } from "../../memory/round";
import type { ScoreHow } from "../../model/config/round-index";
import type { TextRows } from "../../model/text/text-rows";
import { HALVES } from "../../util/kv-half";
import { frameOf } from "../run/attention-frame";
import { pendingSpans, rowCount, type Runner } from "../run/runner";
import { scoreReaderOf } from "../run/score-reader";
import type { UnitSoftmax } from "../run/unit-softmax";
import { massOf } from "./unit-mass";
import type { HeadCase } from "./choose-heads";

/** A chat with known answers, in the model's tokens. */
export interface TokenChat {
  system: readonly number[];
  rounds: readonly (readonly number[])[];
  blank: TextRows;
  questions: readonly (TextRows & Pick<HeadCase, "kind" | "source">)[];
}

export interface HeadCasesContext {
  runner: Runner;
  residency: Residency;
  contextTokens: number;
  /** The deepest layer to look at, plus one. Default: all. */
  layers?: number;
}

/**
 * One case for each question. Yields rows that went through layers, as work is done, and between submits.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* headCases(
  {
    runner,
    residency,
    contextTokens,
    layers = runner.layerCount,
  }: HeadCasesContext,
  { system, rounds, blank, questions }: TokenChat,
): AsyncGenerator<number, HeadCase[]> {
  const history = [system, ...rounds].map((tokens, id) => newRound(id, tokens));
  const reader = scoreReaderOf(runner);
  const pins = new Pins(residency);
  const made: Round[] = [...history];
  try {
    for (const round of history)
      for (const half of HALVES) {
        pins.add(round, half);
        await residency.give(round, half);
      }
    const frame = frameOf({ history, own: [], ownTokens: 0, contextTokens });
    const rows = pendingSpans(frame.lower);
    for await (const done of runner.prefill({ frame, rows })) yield done;
    yield rowCount(rows);

    const read = async function* (
      { tokens, from, to }: TextRows,
      behind: ReadonlySet<number>,
    ): AsyncGenerator<number, UnitSoftmax[][]> {
      const own = newRound(-1, tokens);
      made.push(own);
      for (const half of HALVES) {
        pins.add(own, half);
        await residency.give(own, half);
      }
      const asked = frameOf({
        history,
        own: [own],
        ownTokens: tokens.length,
        contextTokens,
        attended: behind,
      });
      const byLayer: UnitSoftmax[][] = [];
      const units = [...history.filter(({ tokens }) => tokens.length > 0)].map(
        (round) => ({ round, ahead: round.tokens.length }),
      );
      const heads = Array.from(
        { length: runner.decoder.headCount },
        (_, head) => head,
      );
      const spans = pendingSpans([asked.lower.at(-1)!]);
      for (let layer = 0; layer < layers; layer++) {
        const reading = runner.prefill({
          frame: asked,
          rows: spans,
          layers: { from: layer, to: layer + 1 },
          keepsResidual: true,
          scores: {
            heads: heads.map((head) => ({ layer, head })),
            rows: { from, to },
            resident: [{ round: own, ahead: 0 }, ...units],
            indexed: [],
          },
        });
        for await (const _ of reading) yield 0;
        byLayer.push(await reader.read());
      }
      for (const half of HALVES) {
        pins.remove(own, half);
        residency.drop(own, half);
      }
      made.pop();
      yield tokens.length;
      return byLayer;
    };

    const none = yield* read(blank, new Set());
    const cases: HeadCase[] = [];
    for (const { kind, source, ...asked } of questions) {
      const found = yield* read(asked, new Set([rounds.length]));
      const gains = (how: ScoreHow) =>
        found.map((byHead, layer) =>
          byHead.map((softmax, head) => {
            const before = massOf(none[layer]![head]!, how);
            return massOf(softmax, how)
              .map((mass, unit) => mass - before[unit]!)
              .slice(-rounds.length);
          }),
        );
      const raw = { sum: gains("sum"), greatest: gains("greatest") };
      cases.push({ kind, source, raw });
    }
    return cases;
  } finally {
    pins.release();
    for (const round of made)
      for (const half of HALVES) residency.drop(round, half);
  }
}
