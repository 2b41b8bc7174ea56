/**
 * The tensors of a GGUF file or of its parts, under Hugging Face's names and with rows in Hugging Face's order. Some
 * architectures store the rows of q and k for RoPE on neighbouring pairs; they are reordered while they are read
 * (stored-tensors.ts).
 */
import { ModelFormatError } from "../../util/errors";
import {
  type Checkpoint,
  isFloatType,
  isWholeBlocks,
  type TensorInfo,
  type TensorType,
  tensorBytes,
} from "../checkpoint/checkpoint";
import type { GgufFormat } from "../architectures/architecture";
import { ARCHITECTURES } from "../architectures/known-architectures";
import type { ModelConfig } from "../config/computable";
import { ggufArchitecture } from "./config";
import type { GgufHeader, GgufTensor } from "./header";
import type { ModelFiles } from "../files/model-files";
import {
  expectApart,
  readStoredTensors,
  type StoredTensor,
} from "../checkpoint/stored-tensors";
import { expectedTensors } from "../config/expected-tensors";

/** The supported types, by their numbers. */
const TYPES: ReadonlyMap<number, TensorType> = new Map([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [6, "Q5_0"],
  [7, "Q5_1"],
  [8, "Q8_0"],
  [10, "Q2_K"],
  [11, "Q3_K"],
  [12, "Q4_K"],
  [13, "Q5_K"],
  [14, "Q6_K"],
  [20, "IQ4_NL"],
  [23, "IQ4_XS"],
  [30, "BF16"],
]);

/** Other common types, for error messages. */
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [28, "F64"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
]);

/**
 * The tensors that such a model computes with; others are ignored, and not counted.
 *
 * @throws ModelFormatError for a tensor that is missing, has another shape or an unsupported type, or lies
 *   outside its file
 */
export function ggufCheckpoint(
  files: ModelFiles,
  header: GgufHeader,
  config: ModelConfig,
): Checkpoint {
  const { gguf } = ggufArchitecture(header);
  expectSameFormat(header, gguf, config);
  const stored = [...expectedTensors(config)].map(
    ([name, shape]): StoredTensor => {
      const place = placeOf(name);
      const ggufName = ggufNameOf(place, gguf);
      const tensor = header.tensors.get(ggufName);
      if (tensor === undefined) {
        throw new ModelFormatError({
          file: header.file,
          tensor: ggufName,
          expected: `shape [${shape.join(", ")}]`,
          found: "no such tensor",
        });
      }
      return {
        info: tensorInfo(header, { name, ggufName, tensor, shape }),
        start: tensor.start,
        ...(gguf.pairedTensors.has(place.part) && {
          pairedHeadRows: config.headDim,
        }),
      };
    },
  );
  const byFile = [...groupedByFile(stored).entries()];
  for (const [, tensors] of byFile) {
    tensors.sort((a, b) => a.start - b.start);
    expectApart(tensors);
  }

  const inOrder = byFile.flatMap(([, tensors]) => tensors);
  const tensors = new Map(inOrder.map(({ info }) => [info.name, info]));
  const totalBytes = stored.reduce((sum, { info }) => sum + info.byteLength, 0);
  return {
    tensors,
    totalBytes,
    hasWholeNorms: true,
    async *read(signal) {
      for (const [file, tensors] of byFile)
        yield* readStoredTensors(files, file, tensors, signal);
    },
  };
}

/** Files in the order of their names, which is that of parts. */
function groupedByFile(
  stored: readonly StoredTensor[],
): Map<string, StoredTensor[]> {
  const names = [...new Set(stored.map(({ info }) => info.file))].sort();
  return new Map(
    names.map((name) => [
      name,
      stored.filter(({ info }) => info.file === name),
    ]),
  );
}

/** A config.json beside the file may name another architecture that shares the name in GGUF. */
function expectSameFormat(
  { file }: GgufHeader,
  { name }: GgufFormat,
  { architecture }: ModelConfig,
): void {
  const isSame = ARCHITECTURES.some(
    (one) => one.name === architecture && one.gguf.name === name,
  );
  if (isSame) return;
  throw new ModelFormatError({
    file,
    expected: `the network of its config.json, ${architecture}`,
    found: `general.architecture: ${name}`,
  });
}

/** A tensor's role: outside the layers or in one, its weights or its biases. */
interface TensorPlace {
  layer: string | undefined;
  part: string;
  kind: string;
}

function placeOf(name: string): TensorPlace {
  const found = /^(?:model\.layers\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name);
  if (found === null) throw new RangeError(`a tensor called ${name}`);
  const [, layer, part, kind] = found;
  return { layer, part: part!, kind: kind! };
}

/** The tensor's name in this format. */
function ggufNameOf(
  { layer, part, kind }: TensorPlace,
  { name, tensorNames }: GgufFormat,
): string {
  const found = tensorNames.get(part);
  if (found === undefined)
    throw new RangeError(`no name in GGUF for ${part} of ${name}`);
  const block = layer === undefined ? "" : `blk.${layer}.`;
  return `${block}${found}.${kind}`;
}

/** Checks one tensor of the header. */
function tensorInfo(
  header: GgufHeader,
  {
    name,
    ggufName,
    tensor: { shape, typeId, start, part = header },
    shape: expectedShape,
  }: {
    name: string;
    ggufName: string;
    tensor: GgufTensor;
    shape: readonly number[];
  },
): TensorInfo {
  const { file, fileBytes } = part;
  const fail = (expected: string, found: string): never => {
    throw new ModelFormatError({ file, tensor: ggufName, expected, found });
  };

  const type =
    TYPES.get(typeId) ??
    fail(
      `elements of type ${[...TYPES.values()].join(", ")}`,
      OTHER_TYPES.get(typeId) ?? `type ${typeId}`,
    );
  if (shape.join() !== expectedShape.join()) {
    fail(`shape [${expectedShape.join(", ")}]`, `[${shape.join(", ")}]`);
  }
  if (shape.length === 1 && !isFloatType(type)) {
    fail("a vector in F32, F16 or BF16", type);
  }
  const columns = shape.at(-1)!;
  if (!isWholeBlocks(type, columns)) {
    fail(`rows of whole blocks of ${type}`, `rows of ${columns} values`);
  }
  const rows = shape.length > 1 ? shape[0]! : 1;
  const byteLength = rows * tensorBytes(type, columns);
  if (fileBytes !== undefined && start + byteLength > fileBytes) {
    const found = Math.max(0, fileBytes - start);
    fail(
      `${byteLength} bytes`,
      `${found}, then the end of the file: the download is incomplete`,
    );
  }
  return { name, file, type, shape: [...shape], byteLength };
}
