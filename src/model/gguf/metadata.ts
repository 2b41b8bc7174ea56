/** The metadata of a GGUF file by key; each value is checked on access. */
import { ModelFormatError } from "../../util/errors";
import type { GgufHeader, GgufValue } from "./header";

export class GgufMetadata {
  readonly file: string;
  readonly #values: GgufHeader["metadata"];

  constructor({ file, metadata }: GgufHeader) {
    this.file = file;
    this.#values = metadata;
  }

  /** @throws ModelFormatError if it exists and is not a number */
  number(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "number") return value;
    return this.#otherKind(key, "a number", value);
  }

  /**
   * Some converters write 0 and 1.
   *
   * @throws ModelFormatError if it exists and is not a boolean
   */
  boolean(key: string): boolean | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    if (value === 0 || value === 1) return value === 1;
    return this.#otherKind(key, "true or false", value);
  }

  /** @throws ModelFormatError if it exists and is not a text */
  text(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "string") return value;
    return this.#otherKind(key, "a string", value);
  }

  /** @throws ModelFormatError if it exists and is not a list of texts */
  texts(key: string): readonly string[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    const isTexts =
      Array.isArray(value) && value.every((each) => typeof each === "string");
    if (isTexts) return value;
    return this.#otherKind(key, "a list of strings", value);
  }

  /** @throws ModelFormatError if it exists and is not a list of numbers */
  numbers(key: string): readonly number[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    const isNumbers =
      Array.isArray(value) && value.every((each) => typeof each === "number");
    if (isNumbers) return value;
    return this.#otherKind(key, "a list of numbers", value);
  }

  /** A required value: `present(key, metadata.number(key))`. */
  present<Value>(key: string, value: Value | undefined): Value {
    if (value !== undefined) return value;
    throw this.problem(key, "nothing");
  }

  problem(expected: string, found: string): ModelFormatError {
    return new ModelFormatError({ file: this.file, expected, found });
  }

  #otherKind(key: string, kind: string, value: GgufValue): never {
    const found =
      typeof value === "object"
        ? `a list of ${value.length}`
        : JSON.stringify(value);
    throw this.problem(`${key}: ${kind}`, found);
  }
}
