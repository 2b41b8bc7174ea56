/** The interface of an architecture: how its models are configured, and how GGUF spells them. */
import type { ModelFormatError } from "../../util/errors";
import type { Recipe } from "./recipe";

export interface Architecture {
  /** Its entry in config.json's `architectures`. */
  readonly name: string;
  /**
   * The recipe of a model.
   *
   * @param config config.json, parsed
   * @param contextTokens the context asked for: some models compute otherwise for a long one
   * @throws ModelFormatError for a field that is missing or invalid, or that no recipe can express
   */
  readonly recipe: (config: unknown, contextTokens?: number) => Recipe;
  readonly gguf: GgufFormat;
}

/** An architecture in GGUF. */
export interface GgufFormat {
  /** Its `general.architecture`. */
  readonly name: string;
  /** By Hugging Face's names without `.weight` and `.bias`; of a layer's tensors also without `model.layers.0.` and `blk.0.`. */
  readonly tensorNames: ReadonlyMap<string, string>;
  /** Tensors whose rows are stored for RoPE on neighbouring pairs; see stored-tensors.ts. */
  readonly pairedTensors: ReadonlySet<string>;
  /** Short vectors in F32 that the configuration depends on, if a file has them. */
  readonly configVectors: readonly string[];
  /**
   * The fields of a config.json, less `architectures`.
   *
   * @throws ModelFormatError for metadata that is missing, or that no config.json could express
   */
  readonly config: (file: GgufFacts) => Record<string, unknown>;
}

/** The metadata of a GGUF file about its network. Keys lack their prefix, the name of the architecture. */
export interface GgufFacts {
  /** @throws ModelFormatError if it is missing or not a number */
  needed(key: string): number;
  /** @throws ModelFormatError if it exists and is not a number */
  number(key: string): number | undefined;
  /** @throws ModelFormatError if it exists and is not a text */
  text(key: string): string | undefined;
  /** [rows, columns] or [values]; undefined if there is no such tensor. */
  shapeOf(tensor: string): readonly number[] | undefined;
  /** The values of one of `configVectors`, if the file has it. */
  vector(tensor: string): readonly number[] | undefined;
  problem(key: string, expected: string, found: string): ModelFormatError;
}
