/**
 * A GGUF file's metadata as the object of a config.json, for `readConfig`: the same network gets the same
 * configuration from either format.
 */
import type { Architecture, GgufFacts } from "../architectures/architecture";
import { nameWithLack } from "../architectures/other-architectures";
import { ARCHITECTURES } from "../architectures/known-architectures";
import type { GgufHeader } from "./header";
import { GgufMetadata } from "./metadata";

/** Values of short tensors, by name. */
export type GgufVectors = ReadonlyMap<string, readonly number[]>;

/**
 * The architecture that a file names; if several share the name, the first.
 *
 * @throws ModelFormatError for an unknown one, or none
 */
export function ggufArchitecture(header: GgufHeader): Architecture {
  const metadata = new GgufMetadata(header);
  const key = "general.architecture";
  const name = metadata.present(key, metadata.text(key));
  const known = ARCHITECTURES.find(({ gguf }) => gguf.name === name);
  if (known !== undefined) return known;
  const names = new Set(ARCHITECTURES.map(({ gguf }) => gguf.name));
  throw metadata.problem(
    `${key}: ${[...names].join(", ")}`,
    nameWithLack(name),
  );
}

/**
 * The object of a config.json.
 *
 * @param vectors those that the architecture's configuration depends on, if the file has them
 * @throws ModelFormatError for an unknown architecture, or parts that config.json can't express
 */
export function ggufConfig(
  header: GgufHeader,
  vectors: GgufVectors,
): Record<string, unknown> {
  const architecture = ggufArchitecture(header);
  const { name } = architecture.gguf;
  const metadata = new GgufMetadata(header);
  expectOneNetwork(metadata, name);
  return {
    architectures: [architecture.name],
    model_type: name,
    vocab_size: vocabularyRows(header, metadata),
    ...architecture.gguf.config(factsOf(header, name, vectors)),
  };
}

function factsOf(
  header: GgufHeader,
  name: string,
  vectors: GgufVectors,
): GgufFacts {
  const metadata = new GgufMetadata(header);
  const number = (key: string) => metadata.number(`${name}.${key}`);
  return {
    number,
    needed: (key) => metadata.present(`${name}.${key}`, number(key)),
    text: (key) => metadata.text(`${name}.${key}`),
    shapeOf: (tensor) => header.tensors.get(tensor)?.shape,
    vector: (tensor) => vectors.get(tensor),
    problem: (key, expected, found) =>
      metadata.problem(`${name}.${key}: ${expected}`, found),
  };
}

/** Refuses layers that combine several networks. */
function expectOneNetwork(metadata: GgufMetadata, name: string): void {
  const experts = metadata.number(`${name}.expert_count`) ?? 0;
  if (experts > 0) {
    throw metadata.problem(`${name}.expert_count: 0`, String(experts));
  }
}

/** The number of rows of the embedding table; the list of tokens may be shorter. */
function vocabularyRows(header: GgufHeader, metadata: GgufMetadata): number {
  const table = header.tensors.get("token_embd.weight");
  return metadata.present("tensor token_embd.weight", table).shape[0]!;
}
