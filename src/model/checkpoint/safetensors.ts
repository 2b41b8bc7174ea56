/**
 * Checkpoints in the safetensors format: one file, or shards listed in an index. All headers are read and checked
 * before the first weight; then each file is streamed once, from its first expected tensor to its last.
 */
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import { checked } from "../files/check-json";
import type { Checkpoint, TensorInfo } from "./checkpoint";
import {
  missingFile,
  readOptionalJson,
  type ModelFiles,
} from "../files/model-files";
import { readSafetensorsHeader } from "./safetensors-header";
import { readStoredTensors, type StoredTensor } from "./stored-tensors";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** The expected tensors of one file, in file order; at least one. */
interface Shard {
  file: string;
  tensors: StoredTensor[];
}

/**
 * Opens model.safetensors, or the shards of model.safetensors.index.json.
 *
 * Tensors that are not expected are ignored (older files hold rotary_emb.inv_freq, some the tied
 * lm_head) and not counted.
 *
 * @param expected shapes by name; see `expectedTensors`
 * @throws ModelFormatError for a tensor that is missing, listed twice, has another shape or type, or lies outside
 *   its file; ModelFetchError; the signal's reason
 */
export async function openSafetensors(
  files: ModelFiles,
  expected: ReadonlyMap<string, readonly number[]>,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const shards = await readHeaders(files, expected, signal);

  const tensors = new Map<string, TensorInfo>();
  let totalBytes = 0;
  for (const { file, tensors: stored } of shards) {
    for (const { info } of stored) {
      const other = tensors.get(info.name);
      if (other !== undefined) {
        throw new ModelFormatError({
          file,
          tensor: info.name,
          expected: "a tensor in one file only",
          found: `the same name in ${other.file}`,
        });
      }
      tensors.set(info.name, info);
      totalBytes += info.byteLength;
    }
  }

  for (const [name, shape] of expected) {
    if (tensors.has(name)) continue;
    throw new ModelFormatError({
      file: shards.length === 1 && shards[0]!.file === SINGLE ? SINGLE : INDEX,
      tensor: name,
      expected: `shape [${shape.join(", ")}]`,
      found: "no such tensor",
    });
  }

  return {
    tensors,
    totalBytes,
    async *read(signal) {
      for (const { file, tensors: stored } of shards) {
        if (stored.length > 0)
          yield* readStoredTensors(files, file, stored, signal);
      }
    },
  };
}

async function readHeaders(
  files: ModelFiles,
  expected: ReadonlyMap<string, readonly number[]>,
  signal?: AbortSignal,
): Promise<Shard[]> {
  const single = await readSafetensorsHeader(files, SINGLE, expected, signal);
  if (single !== undefined) return [{ file: SINGLE, tensors: single }];

  const index = await readOptionalJson(files, INDEX, signal);
  if (index === undefined) throw missingFile(files, `${SINGLE} or ${INDEX}`);
  const shards: Shard[] = [];
  for (const file of shardNames(index)) {
    const tensors = await readSafetensorsHeader(files, file, expected, signal);
    if (tensors === undefined) throw missingFile(files, file);
    shards.push({ file, tensors });
  }
  return shards;
}

/** The files listed in an index, sorted by name. */
function shardNames(index: unknown): string[] {
  const fields = v.object({ weight_map: v.record(v.string(), v.string()) });
  const { weight_map } = checked(fields, index, INDEX);
  const names = [...new Set(Object.values(weight_map))].sort();
  for (const name of names) {
    // The name becomes part of an address; it must not lead out of the model's folder.
    if (!/^[\w-][\w.-]*\.safetensors$/.test(name)) {
      throw new ModelFormatError({
        file: INDEX,
        expected: "names of .safetensors files in the same folder",
        found: JSON.stringify(name),
      });
    }
  }
  return names;
}
