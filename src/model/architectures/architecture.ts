/** What the runtime knows of one architecture: how its models are configured, and how GGUF spells them. */
import type { ModelFormatError } from "../../util/errors";
import type { Recipe } from "./recipe";

export interface Architecture {
  /** Its entry in config.json's `architectures`. */
  readonly name: string;
  /**
   * The recipe of a model.
   *
   * @param config config.json, parsed
   * @throws ModelFormatError for a field that is missing or absurd, or says what a recipe can't
   */
  readonly recipe: (config: unknown) => Recipe;
  readonly gguf: GgufFormat;
}

/** An architecture in GGUF. */
export interface GgufFormat {
  /** Its `general.architecture`. */
  readonly name: string;
  /** By Hugging Face's names without `.weight` and `.bias`; of a layer's tensors also without `model.layers.0.` and `blk.0.`. */
  readonly tensorNames: ReadonlyMap<string, string>;
  /** Those whose rows lie as RoPE on neighbouring pairs wants them; see stored-tensors.ts. */
  readonly pairedTensors: ReadonlySet<string>;
  /** Short vectors in F32 that the configuration depends on, where a file has them. */
  readonly configVectors: readonly string[];
  /**
   * The fields of a config.json, less `architectures`.
   *
   * @throws ModelFormatError for metadata that is missing, or that no config.json could say
   */
  readonly config: (file: GgufFacts) => Record<string, unknown>;
}

/** What a GGUF file says of its network. Keys lack their prefix, the name of the architecture. */
export interface GgufFacts {
  /** @throws ModelFormatError where it is missing or no number */
  needed(key: string): number;
  /** @throws ModelFormatError where it is there and no number */
  number(key: string): number | undefined;
  /** @throws ModelFormatError where it is there and no text */
  text(key: string): string | undefined;
  /** [rows, columns] or [values]; undefined where there is no such tensor. */
  shapeOf(tensor: string): readonly number[] | undefined;
  /** The values of one of `configVectors`, where the file has it. */
  vector(tensor: string): readonly number[] | undefined;
  problem(key: string, expected: string, found: string): ModelFormatError;
}
