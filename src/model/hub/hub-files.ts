/** Chooses the files of a repository that make a model: the parts that the runtime reads, and no others. */
import { ModelFetchError } from "../../util/errors";
import { firstGgufPart, ggufParts, ggufStem } from "../files/gguf-parts";
import type { HubFile } from "./hub";
import type { HubName } from "./hub-name";

export interface ChosenFiles {
  /** The name by which users request the model: the repository's, followed by the GGUF file's if there is one. */
  id: string;
  /** Whether the repository's name alone means this model. */
  isDefault: boolean;
  /** The GGUF file with the weights, or its first part; without it they are in safetensors. */
  gguf: string | undefined;
  /** The files to store, small ones first. */
  files: HubFile[];
  /** All models of the repository, if there are several. */
  choices: { id: string; name: string; bytes: number }[];
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const SHARD = /^model-\d+-of-\d+\.safetensors$/;

/** Beside weights in safetensors. A GGUF file holds its own configuration and tokenizer. */
const FOLDER_FILES = [
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "generation_config.json",
  "chat_template.jinja",
  "chat_template.json",
  "rondo.json",
];
const GGUF_FILES = ["generation_config.json", "rondo.json"];

/** Kinds of GGUF files, in order of preference. */
const PREFERRED = [
  /q4_k_m/i,
  /q4_0/i,
  /q4_k/i,
  /q8_0/i,
  /q5_k_m/i,
  /q5_/i,
  /q6_k/i,
  /q4_1/i,
  /iq4_/i,
  /q3_k/i,
  /bf16/i,
  /f16|fp16/i,
  /f32|fp32/i,
  /q2_k/i,
];

/**
 * The files of the model that `name` asks for.
 *
 * @param listing the repository's files
 * @throws ModelFetchError if the repository has no such model
 */
export function chooseFiles(
  { repository, file }: HubName,
  listing: readonly HubFile[],
): ChosenFiles {
  const ggufs = ggufsOf(listing);
  const tensors = safetensorsOf(listing);
  const inFolder = tensors.length > 0;
  const preferred = inFolder ? undefined : preferredOf(ggufs);
  const gguf = file === undefined ? preferred : ggufOf(listing, file);
  if (gguf === undefined && (file !== undefined || !inFolder))
    throw missing({ repository, file }, listing, ggufs);

  const choices = [
    ...(inFolder
      ? [{ id: repository, name: "safetensors", bytes: bytesOf(tensors) }]
      : []),
    ...ggufs.map(({ path, bytes }) => ({
      id: `${repository}/${path}`,
      name: `${ggufStem(path)}.gguf`,
      bytes,
    })),
  ];
  const texts = gguf === undefined ? FOLDER_FILES : GGUF_FILES;
  return {
    id: gguf === undefined ? repository : `${repository}/${gguf.path}`,
    isDefault: gguf?.path === preferred?.path,
    gguf: gguf?.path,
    files: [
      ...texts
        .map((path) => find(listing, path))
        .filter((found) => found !== undefined),
      ...(gguf?.parts ?? tensors),
    ],
    choices: choices.length > 1 ? choices : [],
  };
}

/** Weights in safetensors, with the index if they are in shards. */
function safetensorsOf(listing: readonly HubFile[]): HubFile[] {
  const single = find(listing, SINGLE);
  if (single) return [single];
  const index = find(listing, INDEX);
  if (!index) return [];
  const shards = listing.filter(({ path }) => SHARD.test(path));
  return shards.length === 0 ? [] : [index, ...shards];
}

/** A model in GGUF with all its parts; a whole file is the only one. */
interface GgufModel {
  /** Of the first part. */
  path: string;
  /** Of all parts. */
  bytes: number;
  parts: HubFile[];
}

/** All complete models, whole files first. Additions to models are none. */
function ggufsOf(listing: readonly HubFile[]): GgufModel[] {
  const names = listing
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".gguf") && !/mmproj|imatrix/i.test(path));
  return [...new Set(names.map(firstGgufPart))]
    .map((path) => ggufOf(listing, path))
    .filter((model) => model !== undefined)
    .sort((a, b) => Math.min(a.parts.length, 2) - Math.min(b.parts.length, 2));
}

/** Undefined if any part is missing. @param path of the first part */
function ggufOf(
  listing: readonly HubFile[],
  path: string,
): GgufModel | undefined {
  const parts = ggufParts(path).map((part) => find(listing, part));
  return parts.every((part) => part !== undefined)
    ? { path, bytes: bytesOf(parts), parts }
    : undefined;
}

function preferredOf(ggufs: readonly GgufModel[]): GgufModel | undefined {
  for (const kind of PREFERRED) {
    const found = ggufs.find(({ path }) => kind.test(path));
    if (found) return found;
  }
  return ggufs[0];
}

function find(listing: readonly HubFile[], path: string): HubFile | undefined {
  return listing.find((file) => file.path === path);
}

function bytesOf(files: readonly HubFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function missing(
  { repository, file }: HubName,
  listing: readonly HubFile[],
  ggufs: readonly GgufModel[],
): ModelFetchError {
  if (file !== undefined) {
    const lacks = ggufParts(file).filter((part) => !find(listing, part));
    const others = ggufs.map(({ path }) => path).join(", ");
    return new ModelFetchError(
      `${repository} has no file ${lacks.join(", ")}. ${others === "" ? "It has no GGUF file at all: check the name." : `Choose one of ${others}.`}`,
    );
  }
  const weights = listing
    .map(({ path }) => path)
    .filter((path) => /\.(bin|pt|pth|onnx|gguf|safetensors)$/.test(path));
  const found =
    weights.length === 0
      ? "no weights"
      : `only ${weights.slice(0, 4).join(", ")}`;
  return new ModelFetchError(
    `${repository} has ${found}. Rondo loads model.safetensors or a GGUF file with all its parts. Choose another version of the model.`,
  );
}
