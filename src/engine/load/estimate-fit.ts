/**
 * Whether a model fits a device, from its configuration and the types of its tensors. A pure function: what the
 * weights take is exact, what the device has is a guess, and only allocating the buffers gives the final answer.
 */
import { type AdapterLimits, bindingBytesOf } from "../../gpu/adapter-limits";
import type { ModelConfig } from "../../model/config/computable";
import { largestBinding } from "../../model/weights/check-bindings";
import {
  defaultBits,
  type WeightBits,
} from "../../model/weights/matrix-format";
import type { TensorKind } from "../../model/weights/matrix-parts";
import {
  matricesOfLayers,
  parameterCount,
  plannedWeightBytes,
} from "../../model/weights/weights";
import {
  ASKED_CAPACITY,
  hasPostNorms,
  qkvColumns,
  ROW_CAPACITY,
} from "../../model/network/workspace";
import type { Misfit, PlanOptions } from "../api/models";

interface FitRequest {
  config: ModelConfig;
  /** Of the checkpoint, by name. */
  tensors: ReadonlyMap<string, TensorKind>;
  weightBits?: PlanOptions["weightBits"];
  memoryBudgetBytes?: number | undefined;
  /** Of the GPU; without them only total bytes are compared. */
  limits?: AdapterLimits | undefined;
  /** Bytes that the device may have in total: a guess. */
  deviceBytes?: number | undefined;
}

interface Fit {
  weightBytes: number;
  bitsPerWeight: number;
  workspaceBytes: number;
  kvBytesPerToken: number;
  misfit: Misfit | undefined;
}

const DEFAULT_BUDGET_BYTES = 2 ** 30;
/** Smallest context for which a budget is worth proposing. */
const LEAST_TOKENS = 1024;
const MIB = 2 ** 20;

export function fit(request: FitRequest): Fit {
  const { config, tensors, limits, deviceBytes } = request;
  const budgetBytes = request.memoryBudgetBytes ?? DEFAULT_BUDGET_BYTES;
  const parameters = parameterCount(tensors);
  const bits = request.weightBits ?? defaultBits(parameters);
  const workspaceBytes = workspaceOf(config);
  const kvBytesPerToken = kvBytesOf(config);
  const weightsAt = (bits: WeightBits) =>
    plannedWeightBytes(config, tensors, bits);
  const largestAt = (bits: WeightBits) =>
    largestBinding(matricesOfLayers(config), tensors, bits);
  const weightBytes = weightsAt(bits);

  const bindingBytes = limits ? bindingBytesOf(limits) : Infinity;
  const roomBytes = deviceBytes ?? Infinity;
  const fits = (bits: WeightBits, budget: number) =>
    largestAt(bits).bytes <= bindingBytes &&
    weightsAt(bits) + workspaceBytes + budget <= roomBytes;

  const estimate = {
    weightBytes,
    bitsPerWeight: (8 * weightBytes) / parameters,
    workspaceBytes,
    kvBytesPerToken,
  };
  if (fits(bits, budgetBytes)) return { ...estimate, misfit: undefined };

  const largest = largestAt(bits);
  const wrong =
    largest.bytes > bindingBytes
      ? `The model's largest matrix (${largest.label}) takes ${inMiB(largest.bytes)}, and this GPU binds at most ${inMiB(bindingBytes)}.`
      : `The model takes ${inMiB(weightBytes + workspaceBytes)} and chat memory up to ${inMiB(budgetBytes)}; this device seems to have ${inMiB(roomBytes)}.`;
  const proposal = propose({
    bits,
    budgetBytes,
    leastBudgetBytes: Math.min(budgetBytes, kvBytesPerToken * LEAST_TOKENS),
    weightsAt,
    roomBytes: roomBytes - workspaceBytes,
    fits,
  });
  return {
    ...estimate,
    misfit: { message: `${wrong} ${inWords(proposal)}`, proposal },
  };
}

/** KV of a token: keys and values of all layers in f16. */
function kvBytesOf({
  numHiddenLayers,
  numKeyValueHeads,
  headDim,
}: ModelConfig): number {
  return 2 * numHiddenLayers * numKeyValueHeads * headDim * 2;
}

/** The cheapest change that makes it fit: a smaller budget, then fewer bits, then both. */
function propose({
  bits,
  budgetBytes,
  leastBudgetBytes,
  weightsAt,
  roomBytes,
  fits,
}: {
  bits: WeightBits;
  budgetBytes: number;
  leastBudgetBytes: number;
  weightsAt: (bits: WeightBits) => number;
  /** For weights and chats. */
  roomBytes: number;
  fits: (bits: WeightBits, budgetBytes: number) => boolean;
}): Misfit["proposal"] {
  const smallerBudget = (bits: WeightBits) => {
    const budget = Math.floor((roomBytes - weightsAt(bits)) / MIB) * MIB;
    return budget >= leastBudgetBytes && fits(bits, budget)
      ? budget
      : undefined;
  };
  const sameBits = smallerBudget(bits);
  if (sameBits !== undefined) return { memoryBudgetBytes: sameBits };
  // A quantised file stays as it is, whatever is asked for.
  const fewer = ([8, 4] as const).filter(
    (other) => weightsAt(other) < weightsAt(bits),
  );
  for (const weightBits of fewer)
    if (fits(weightBits, budgetBytes)) return { weightBits };
  for (const weightBits of fewer) {
    const memoryBudgetBytes = smallerBudget(weightBits);
    if (memoryBudgetBytes !== undefined)
      return { weightBits, memoryBudgetBytes };
  }
  return undefined;
}

function inWords(proposal: Misfit["proposal"]): string {
  if (proposal === undefined) return "Choose a smaller model.";
  const { weightBits, memoryBudgetBytes } = proposal;
  const ways = [
    ...(weightBits === undefined ? [] : [`${weightBits}-bit weights`]),
    ...(memoryBudgetBytes === undefined
      ? []
      : [`a memory budget of ${inMiB(memoryBudgetBytes)}`]),
  ];
  return `It fits with ${ways.join(" and ")}.`;
}

/** The workspace: the rows of a step on their way through the layers, and the logits. */
function workspaceOf(config: ModelConfig): number {
  const { hiddenSize, headDim, numAttentionHeads: heads } = config;
  const attended = heads * headDim;
  // Partial sums of attention: one more row for each row, and some for the splits.
  const streams = hasPostNorms(config) ? 2 : 1;
  const rowValues =
    streams * hiddenSize +
    qkvColumns(config) +
    attended +
    2 * heads * (headDim + 4) +
    config.intermediateSize;
  const askedValues = hiddenSize + config.vocabSize;
  return 4 * (ROW_CAPACITY * rowValues + ASKED_CAPACITY * askedValues);
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
