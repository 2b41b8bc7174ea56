/**
 * Measures how a question spreads its attention over the rounds before it at every layer; calibration learns from
 * it.
 */
import { pagesFor } from "../../memory/page-pool";
import { Pins, type Residency } from "../../memory/residency";
import { newRound, type Round } from "../../memory/round";
import { HALVES } from "../../util/kv-half";
import type { QuestionMass } from "./calibration";
import { type Frame, frameOf } from "../run/attention-frame";
import { pendingSpans, type Runner, type Span } from "../run/runner";

export interface QuestionMassRequest {
  /** The system prompt's round, then the chat's; both halves of all of them are resident. */
  history: readonly Round[];
  /** The question's tokens. */
  question: readonly number[];
  /** How many of its last tokens the template writes. */
  tailTokens: number;
  contextTokens: number;
  /** Whether a foreground task waits for the GPU. */
  shouldYield?: () => boolean;
}

/**
 * Reads a question with full attention, layer by layer, and discards its KV. Undefined if a foreground task
 * interrupted.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function questionMass(
  runner: Runner,
  residency: Residency,
  {
    history,
    question,
    tailTokens,
    contextTokens,
    shouldYield = () => false,
  }: QuestionMassRequest,
): Promise<Pick<QuestionMass, "all" | "tail"> | undefined> {
  const own = newRound(-1, question);
  const pins = new Pins(residency);
  try {
    for (const half of HALVES) {
      for (const round of [...history, own]) pins.add(round, half);
      await residency.give(own, half);
    }
    const ownTokens = question.length;
    const frame = frameOf({ history, own: [own], ownTokens, contextTokens });
    const read = (rows: number) =>
      massByLayer(runner, frame, own, rows, shouldYield);
    const all = await read(question.length);
    const tail = all && (await read(tailTokens));
    return tail && { all, tail };
  } finally {
    pins.release();
    for (const half of HALVES) residency.drop(own, half);
  }
}

/** [layer][head][round]: mean mass of the last `rows` rows. */
async function massByLayer(
  runner: Runner,
  frame: Frame,
  own: Round,
  rows: number,
  shouldYield: () => boolean,
): Promise<number[][][] | undefined> {
  const spans = pendingSpans([frame.lower.at(-1)!]);
  const heads = Array.from({ length: runner.decoder.headCount }, (_, h) => h);
  const masses: number[][][] = [];
  if (shouldYield()) return undefined;
  for await (const pageMass of massOfLayers(runner, frame, spans, rows)) {
    masses.push(heads.map((head) => byRound(frame, pageMass([head]))));
    if (masses.length < runner.layerCount && shouldYield()) return undefined;
  }
  for (const half of HALVES) own[half].computedTokens = 0;
  return masses;
}

/**
 * Runs rows through one layer after the other, with full attention. Yields the mass over the last so many rows
 * for each layer.
 *
 * @throws OutOfMemoryError, DeviceLostError
 */
export async function* massOfLayers(
  runner: Runner,
  frame: Frame,
  rows: readonly Span[],
  massRows: number,
): AsyncGenerator<(heads: readonly number[]) => number[], void> {
  for (let layer = 0; layer < runner.layerCount; layer++) {
    const prefill = runner.prefill({
      frame,
      rows,
      layers: { from: layer, to: layer + 1 },
      keepsResidual: true,
      massRows,
    });
    for await (const _ of prefill) void _;
    yield (heads) => runner.mass.pageMass(heads);
  }
}

/** Mass of the rounds, without the system prompt's and the question's own: what is missing to 1 fell on those. */
function byRound({ lower }: Frame, pageMass: readonly number[]): number[] {
  let page = 0;
  const sums = lower.map(({ round }) => {
    const end = page + pagesFor(round.tokens.length);
    const sum = pageMass.slice(page, end).reduce((a, b) => a + b, 0);
    page = end;
    return sum;
  });
  return sums.slice(1, -1);
}
