/**
 * Estimates whether a model fits a device, from its configuration and the sizes of its files. A pure function;
 * only allocating the buffers gives the final answer.
 */
import { type AdapterLimits, bindingBytesOf } from "../../gpu/adapter-limits";
import type { ModelConfig } from "../../model/config/computable";
import { defaultBits } from "../../model/weights/matrix-format";
import { expectedTensors } from "../../model/config/expected-tensors";
import {
  ASKED_CAPACITY,
  qkvColumns,
  ROW_CAPACITY,
} from "../../model/network/workspace";
import type { Misfit, PlanOptions } from "../api/models";

interface FitRequest {
  config: ModelConfig;
  /** Bytes of the weight files, if known. */
  fileBytes?: number | undefined;
  /** Whether the weights are in a GGUF file: quantised ones stay as they are. */
  isGguf?: boolean;
  weightBits?: PlanOptions["weightBits"];
  memoryBudgetBytes?: number | undefined;
  /** Of the GPU; without them only total bytes are compared. */
  limits?: AdapterLimits | undefined;
  /** Bytes that the device may have in total: a guess. */
  deviceBytes?: number | undefined;
}

interface Fit {
  weightBytes: number;
  workspaceBytes: number;
  kvBytesPerToken: number;
  misfit: Misfit | undefined;
}

const DEFAULT_BUDGET_BYTES = 2 ** 30;
/** Smallest context for which a budget is worth proposing. */
const LEAST_TOKENS = 1024;
/** Bytes of 32 values with their shared scale. */
const BLOCK_VALUES = 32;
const BLOCK_BYTES = { 4: 20, 8: 36 };
/** A GGUF file's blocks grow by this factor on the GPU, because they are padded to whole words (18 to 20 bytes). */
const GGUF_GROWTH = 10 / 9;
/** From this many bytes per value on, a file counts as not quantised. */
const LEAST_FLOAT_BYTES = 1.9;
const MIB = 2 ** 20;

export function fit(request: FitRequest): Fit {
  const { config, limits, deviceBytes } = request;
  const budgetBytes = request.memoryBudgetBytes ?? DEFAULT_BUDGET_BYTES;
  const workspaceBytes = workspaceOf(config);
  const kvBytesPerToken = kvBytesOf(config);
  const valueBytes = valueBytesOf(request);
  const weightBytes = weightsOf(config, valueBytes);
  const leastBudgetBytes = Math.min(
    budgetBytes,
    kvBytesPerToken * LEAST_TOKENS,
  );

  const bindingBytes = limits ? bindingBytesOf(limits) : Infinity;
  const roomBytes = deviceBytes ?? Infinity;
  const fits = (bytes: number, budget: number) =>
    largestOf(config, bytes).bytes <= bindingBytes &&
    weightsOf(config, bytes) + workspaceBytes + budget <= roomBytes;

  const estimate = { weightBytes, workspaceBytes, kvBytesPerToken };
  if (fits(valueBytes, budgetBytes)) return { ...estimate, misfit: undefined };

  const largest = largestOf(config, valueBytes);
  const wrong =
    largest.bytes > bindingBytes
      ? `The model's largest matrix (${largest.name}) takes ${inMiB(largest.bytes)}, and this GPU binds at most ${inMiB(bindingBytes)}.`
      : `The model takes ${inMiB(weightBytes + workspaceBytes)} and chat memory up to ${inMiB(budgetBytes)}; this device seems to have ${inMiB(roomBytes)}.`;
  const proposal = propose(
    request,
    valueBytes,
    (bytes, budget) => fits(bytes, budget ?? budgetBytes),
    roomBytes - workspaceBytes,
    leastBudgetBytes,
  );
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
function propose(
  request: FitRequest,
  valueBytes: number,
  fits: (valueBytes: number, budgetBytes?: number) => boolean,
  roomBytes: number,
  leastBudgetBytes: number,
): Misfit["proposal"] {
  const smallerBudget = (bytes: number) => {
    const left = roomBytes - weightsOf(request.config, bytes);
    const budget = Math.floor(left / MIB) * MIB;
    return budget >= leastBudgetBytes && fits(bytes, budget)
      ? budget
      : undefined;
  };
  const sameBits = smallerBudget(valueBytes);
  if (sameBits !== undefined) return { memoryBudgetBytes: sameBits };
  if (isQuantised(request)) return undefined;
  const fewer = ([8, 4] as const).filter(
    (bits) => BLOCK_BYTES[bits] / BLOCK_VALUES < valueBytes,
  );
  for (const weightBits of fewer) {
    const bytes = valueBytesOf({ ...request, weightBits });
    if (fits(bytes)) return { weightBits };
  }
  for (const weightBits of fewer) {
    const bytes = valueBytesOf({ ...request, weightBits });
    const memoryBudgetBytes = smallerBudget(bytes);
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

/** Bytes per value of a matrix on the GPU. */
function valueBytesOf(request: FitRequest): number {
  const fileValueBytes = fileValueBytesOf(request);
  if (isQuantised(request)) return fileValueBytes * GGUF_GROWTH;
  const bits = request.weightBits ?? defaultBits(parametersOf(request.config));
  // As in the file: F16 and BF16, or F32.
  if (bits === 16) return fileValueBytes > 3 ? 4 : 2;
  return BLOCK_BYTES[bits] / BLOCK_VALUES;
}

/** Bytes per value in the file; two if unknown. */
function fileValueBytesOf({ config, fileBytes }: FitRequest): number {
  return fileBytes === undefined ? 2 : fileBytes / parametersOf(config);
}

function isQuantised(request: FitRequest): boolean {
  return (
    request.isGguf === true && fileValueBytesOf(request) < LEAST_FLOAT_BYTES
  );
}

function parametersOf(config: ModelConfig): number {
  let sum = 0;
  for (const shape of expectedTensors(config).values())
    sum += shape.reduce((a, b) => a * b, 1);
  return sum;
}

/**
 * Bytes of all weights: matrices with so many bytes per value, vectors in f32. With 4 bits, embedding and head
 * have 8.
 */
function weightsOf(config: ModelConfig, valueBytes: number): number {
  const isFour = valueBytes === BLOCK_BYTES[4] / BLOCK_VALUES;
  const outer = isFour ? BLOCK_BYTES[8] / BLOCK_VALUES : valueBytes;
  let bytes = 0;
  const { embedding, head } = config;
  const outerNames = [embedding.weight.name, head.weight?.name];
  for (const [name, shape] of expectedTensors(config)) {
    const values = shape.reduce((a, b) => a * b, 1);
    const each = outerNames.includes(name) ? outer : valueBytes;
    bytes += Math.ceil(values * (shape.length > 1 ? each : 4));
  }
  return bytes;
}

/**
 * Bytes of the largest binding; projections of one input are joined to one matrix. Embedding and head are split
 * if they are larger.
 */
function largestOf(
  config: ModelConfig,
  valueBytes: number,
): { name: string; bytes: number } {
  const { hiddenSize, intermediateSize } = config;
  const values = {
    "gate and up": 2 * intermediateSize * hiddenSize,
    qkv: qkvColumns(config) * hiddenSize,
  };
  const [name, most] = Object.entries(values).reduce((a, b) =>
    b[1] > a[1] ? b : a,
  );
  return { name, bytes: Math.ceil(most * boundBytesOf(valueBytes)) };
}

/** Bytes per value in the binding of its matrix; scales are bound separately. */
function boundBytesOf(valueBytes: number): number {
  const bits = ([4, 8] as const).find(
    (bits) => BLOCK_BYTES[bits] / BLOCK_VALUES === valueBytes,
  );
  return bits === undefined ? valueBytes : bits / 8;
}

/** The workspace: the rows of a step on their way through the layers, and the logits. */
function workspaceOf(config: ModelConfig): number {
  const { hiddenSize, headDim, numAttentionHeads: heads } = config;
  const attended = heads * headDim;
  // Partial sums of attention: one more row for each row, and some for the splits.
  const rowValues =
    hiddenSize +
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
