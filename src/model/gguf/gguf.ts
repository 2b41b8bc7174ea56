/**
 * A model in one GGUF file. What the other formats keep in texts beside the weights comes from the
 * file's own metadata here, except where the folder has a text of that name.
 */
import { ModelFormatError } from "../../util/errors";
import { ByteReader } from "../checkpoint/byte-reader";
import type { Checkpoint } from "../checkpoint/checkpoint";
import { type ModelConfig, readConfig } from "../config/config";
import { ggufGenerationConfig, ggufTokenizerConfig } from "./chat";
import { ggufCheckpoint } from "./checkpoint";
import { ggufConfig } from "./config";
import { type GgufHeader, readGgufHeader } from "./header";
import { GgufMetadata } from "./metadata";
import { ggufTokenizer } from "./tokenizer";
import { missingFile, type ModelFiles } from "../files/model-files";

export interface Gguf {
  /** The folder's files, and those that the metadata stands for. */
  files: ModelFiles;
  /**
   * The tensors of a model of that configuration.
   *
   * @throws ModelFormatError
   */
  checkpoint: (config: ModelConfig) => Checkpoint;
}

/** What each of RoPE's frequencies is divided by; F32. */
const ROPE_FACTORS = "rope_freqs.weight";
/** More than any head has. */
const MAX_ROPE_FACTORS = 1024;

/**
 * Reads the header of `file`, and checks that the runtime computes such networks.
 *
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function openGguf(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<Gguf> {
  const header = await readGgufHeader(files, file, signal);
  const metadata = new GgufMetadata(header);
  const config = ggufConfig(
    header,
    await readRopeFactors(files, header, signal),
  );
  expectComputable(config, file);

  const texts = new Map<string, () => object>([
    ["config.json", () => config],
    ["tokenizer.json", () => ggufTokenizer(metadata)],
    ["tokenizer_config.json", () => ggufTokenizerConfig(metadata)],
    ["generation_config.json", () => ggufGenerationConfig(metadata)],
  ]);
  return {
    files: {
      name: files.name,
      gguf: file,
      async text(name, signal) {
        const own = await files.text(name, signal);
        const made = texts.get(name);
        const isOwn = own !== undefined && !isStub(name, own);
        return isOwn || made === undefined ? own : JSON.stringify(made());
      },
      open: (name, range, signal) => files.open(name, range, signal),
    },
    checkpoint: (config) => ggufCheckpoint(files, header, config),
  };
}

/** Whether a config.json says no more than {"model_type": …}, as beside many GGUF files. */
function isStub(name: string, text: string): boolean {
  return name === "config.json" && !text.includes('"architectures"');
}

/** Has the configuration checked while it is known where it comes from. */
function expectComputable(config: unknown, file: string): void {
  try {
    readConfig(config);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    throw new ModelFormatError({
      ...error.problem,
      file: `${file} (its metadata as ${error.problem.file})`,
    });
  }
}

async function readRopeFactors(
  files: ModelFiles,
  { file, tensors }: GgufHeader,
  signal: AbortSignal | undefined,
): Promise<number[] | undefined> {
  const tensor = tensors.get(ROPE_FACTORS);
  if (tensor === undefined) return undefined;
  const { shape, typeId, start } = tensor;
  const [count] = shape;
  if (shape.length !== 1 || typeId !== 0 || count! > MAX_ROPE_FACTORS) {
    throw new ModelFormatError({
      file,
      tensor: ROPE_FACTORS,
      expected: `up to ${MAX_ROPE_FACTORS} values of type F32`,
      found: `shape [${shape.join(", ")}] of type ${typeId}`,
    });
  }
  const bytes = new Uint8Array(4 * count!);
  if (count === 0) return [];

  const range = { start, end: start + bytes.length };
  const opened = await files.open(file, range, signal);
  if (opened === undefined) throw missingFile(files, file);
  const reader = new ByteReader(opened.chunks);
  try {
    const found = await reader.read(bytes);
    if (found < bytes.length) {
      throw new ModelFormatError({
        file,
        tensor: ROPE_FACTORS,
        expected: `${bytes.length} bytes`,
        found: `${found}, then the end of the file: the download is incomplete`,
      });
    }
  } finally {
    await reader.close();
  }
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count! }, (_, i) => view.getFloat32(4 * i, true));
}
