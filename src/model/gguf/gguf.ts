/**
 * A model in a GGUF file, or in the parts of one. Other formats keep its configuration and tokenizer in files beside
 * the weights; here the metadata provides these files, unless the folder has a file of that name.
 */
import { ModelFormatError } from "../../util/errors";
import { ByteReader } from "../checkpoint/byte-reader";
import type { Checkpoint } from "../checkpoint/checkpoint";
import type { ModelConfig } from "../config/computable";
import { readConfig } from "../config/config";
import { ggufGenerationConfig, ggufTokenizerConfig } from "./chat";
import { ggufCheckpoint } from "./checkpoint";
import { ggufArchitecture, ggufConfig, type GgufVectors } from "./config";
import type { GgufHeader, GgufTensor } from "./header";
import { GgufMetadata } from "./metadata";
import { readGgufParts } from "./parts";
import { ggufTokenizer } from "./tokenizer";
import { type GgufTokens, ggufTokens } from "./tokens";
import { missingFile, type ModelFiles } from "../files/model-files";

export interface Gguf {
  /** The folder's files, and those made from the metadata. */
  files: ModelFiles;
  /**
   * The tensors of a model of that configuration.
   *
   * @throws ModelFormatError
   */
  checkpoint: (config: ModelConfig) => Checkpoint;
}

/** Limit for a vector of the configuration: one value for each pair of a head, and heads are shorter. */
const MOST_VALUES = 1024;

/**
 * Reads the header of `file`, and of the parts behind it, and checks that the runtime supports the model.
 *
 * @throws ModelFetchError, ModelFormatError; the signal's reason
 */
export async function openGguf(
  files: ModelFiles,
  file: string,
  signal?: AbortSignal,
): Promise<Gguf> {
  const header = await readGgufParts(files, file, signal);
  const metadata = new GgufMetadata(header);
  const config = ggufConfig(header, await readVectors(files, header, signal));
  expectComputable(config, file);

  // A quarter of a million tokens is a vocabulary to read once, and only if something asks for it.
  let read: GgufTokens | undefined;
  const tokens = () => (read ??= ggufTokens(metadata));
  const texts = new Map<string, () => object>([
    ["config.json", () => config],
    ["tokenizer.json", () => ggufTokenizer(metadata, tokens())],
    ["tokenizer_config.json", () => ggufTokenizerConfig(metadata, tokens())],
    ["generation_config.json", () => ggufGenerationConfig(metadata, tokens())],
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

/** Checks the configuration while it is known which file it comes from. */
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

/** The short vectors that the architecture's configuration depends on. */
async function readVectors(
  files: ModelFiles,
  header: GgufHeader,
  signal: AbortSignal | undefined,
): Promise<GgufVectors> {
  const vectors = new Map<string, number[]>();
  for (const name of ggufArchitecture(header).gguf.configVectors) {
    const tensor = header.tensors.get(name);
    if (tensor !== undefined)
      vectors.set(name, await readVector(files, header, name, tensor, signal));
  }
  return vectors;
}

async function readVector(
  files: ModelFiles,
  header: GgufHeader,
  name: string,
  { shape, typeId, start, part = header }: GgufTensor,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const { file } = part;
  const [count] = shape;
  if (shape.length !== 1 || typeId !== 0 || count! > MOST_VALUES) {
    throw new ModelFormatError({
      file,
      tensor: name,
      expected: `up to ${MOST_VALUES} values of type F32`,
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
        tensor: name,
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
