/** What the sampler is told before a reply: which tokens are in the chat, and what is added to logits. */
import type { Round } from "../../memory/round";
import type { Decoder } from "../../model/network/decoder";
import type { DrawSettings } from "../../model/network/sampler-buffer";
import type { Gpu } from "../../gpu/gpu";
import type { SamplerSettings } from "../api/replies";

/** Sampler settings as a turn takes them. */
export type TurnSampler = Omit<DrawSettings, "hasBias" | "hasMask"> &
  Partial<Pick<SamplerSettings, "logitBias">>;

/** Words of the bits of a row of `marks`. */
const wordsFor = (vocabSize: number) => Math.ceil(vocabSize / 32);

/**
 * Uploads what the settings need, before the first token is drawn.
 *
 * @param rounds those of the chat: the repetition penalty applies to their tokens
 * @returns how every token of the reply is drawn
 */
export function prepareDraws(
  { gpu, decoder }: { gpu: Gpu; decoder: Decoder },
  rounds: readonly Pick<Round, "tokens">[],
  { logitBias = {}, ...draw }: TurnSampler,
): DrawSettings {
  const { vocabSize, workspace } = decoder;
  const words = wordsFor(vocabSize);
  if (draw.repetitionPenalty !== 1)
    gpu.write(workspace.marks, 0, bitsOf(rounds, words));
  const biases = Object.entries(logitBias);
  const hasBias =
    biases.length > 0 ||
    Boolean(draw.presencePenalty) ||
    Boolean(draw.frequencyPenalty);
  if (!hasBias) return draw;
  const bias = new Float32Array(vocabSize);
  for (const [token, value] of biases) bias[Number(token)] = value;
  gpu.write(workspace.bias, 0, bias);
  // No token has been drawn in this reply.
  gpu.write(workspace.marks, 4 * words, new Uint32Array(words));
  return { ...draw, hasBias };
}

/** Uploads which tokens the next draw may take: a bit a token. */
export function writeAllowed(
  gpu: Gpu,
  { vocabSize, workspace }: Decoder,
  allowed: Uint32Array,
): void {
  const words = wordsFor(vocabSize);
  gpu.write(workspace.marks, 4 * 2 * words, allowed.slice(0, words));
}

/**
 * @param vocabSize which tokens there are
 * @throws RangeError that names the first token that does not exist
 */
export function checkLogitBias(
  logitBias: SamplerSettings["logitBias"],
  vocabSize: number,
): void {
  for (const token of Object.keys(logitBias))
    if (Number(token) >= vocabSize)
      throw new RangeError(
        `sampler.logitBias has token ${token}; the model's tokens are 0 to ${vocabSize - 1}.`,
      );
}

function bitsOf(
  rounds: readonly Pick<Round, "tokens">[],
  words: number,
): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(words);
  for (const { tokens } of rounds)
    for (const token of tokens) bits[token >> 5]! |= 1 << (token & 31);
  return bits;
}
