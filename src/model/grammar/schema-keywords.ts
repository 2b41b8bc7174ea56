/**
 * A schema as it was given: JSON Schema 2020-12, and what older drafts call otherwise. Checks each keyword's value
 * when its schema is first used, and refuses by name what a reply can't be held to token by token.
 */
import { SchemaError } from "../../util/errors";

/** @param problem what is wrong there, as a sentence */
export function schemaError(path: string, problem: string): SchemaError {
  return new SchemaError(path, `The schema at ${path}: ${problem}`);
}

export type JsonKind =
  "null" | "boolean" | "number" | "string" | "array" | "object";

export type SchemaObject = Readonly<Record<string, unknown>>;

/** A schema, and where it stands. */
export interface Place {
  readonly schema: SchemaObject | boolean;
  /** A JSON pointer: "#/properties/age". */
  readonly path: string;
}

/** They say nothing about which values are valid. */
const ANNOTATIONS = new Set(
  "title,description,default,examples,example,deprecated,readOnly,writeOnly,contentEncoding,contentMediaType,contentSchema,discriminator,$schema,$id,$comment,$defs,definitions".split(
    ",",
  ),
);

/** What kinds of values a keyword speaks of; [] for those of all. */
const KEYWORDS: Readonly<Record<string, readonly JsonKind[]>> = {
  type: [],
  enum: [],
  const: [],
  allOf: [],
  anyOf: [],
  oneOf: [],
  $ref: [],
  minimum: ["number"],
  maximum: ["number"],
  exclusiveMinimum: ["number"],
  exclusiveMaximum: ["number"],
  multipleOf: ["number"],
  minLength: ["string"],
  maxLength: ["string"],
  pattern: ["string"],
  format: ["string"],
  items: ["array"],
  prefixItems: ["array"],
  additionalItems: ["array"],
  minItems: ["array"],
  maxItems: ["array"],
  uniqueItems: ["array"],
  properties: ["object"],
  required: ["object"],
  additionalProperties: ["object"],
  minProperties: ["object"],
  maxProperties: ["object"],
};

/** Why not, for keywords that exist. */
const REFUSED: Readonly<Record<string, string>> = {
  not: "what a value must not be shows only when it is complete",
  if: "conditions are decided only when a value is complete; use anyOf",
  contains: "it is decided only when the array is complete",
  patternProperties: "use additionalProperties",
  propertyNames: "use properties",
  dependentRequired: "use anyOf",
  dependentSchemas: "use anyOf",
  dependencies: "use anyOf",
  unevaluatedProperties: "use additionalProperties",
  unevaluatedItems: "use items",
  $dynamicRef: "use $ref",
  $recursiveRef: "use $ref",
};

const TYPES = new Set([
  "null",
  "boolean",
  "number",
  "integer",
  "string",
  "array",
  "object",
]);

export function place(schema: unknown, path: string): Place {
  if (typeof schema !== "boolean" && !isObject(schema))
    throw schemaError(path, "a schema is an object, true or false.");
  return { schema, path };
}

/** The place of a keyword's schema, or of one inside. */
export function placeIn(
  at: Place,
  ...keys: readonly (string | number)[]
): Place {
  let value: unknown = at.schema;
  for (const key of keys) value = (value as Record<string, unknown>)[key];
  return place(value, pathIn(at.path, ...keys));
}

export function pathIn(
  path: string,
  ...keys: readonly (string | number)[]
): string {
  const escaped = keys.map((key) =>
    String(key).replaceAll("~", "~0").replaceAll("/", "~1"),
  );
  return [path, ...escaped].join("/");
}

/** The kinds that a schema says something about, apart from those with keywords for all. */
export function kindsSpokenOf(schema: SchemaObject): JsonKind[] {
  return Object.keys(schema).flatMap((key) =>
    schema[key] === undefined || !Object.hasOwn(KEYWORDS, key)
      ? []
      : KEYWORDS[key]!,
  );
}

/** @throws SchemaError for an unknown or refused keyword, and for a value that its keyword can't have */
export function checkKeywords(schema: SchemaObject, path: string): void {
  const wrong = (key: string, expected: string): never => {
    throw schemaError(pathIn(path, key), `${key} must be ${expected}.`);
  };
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined || ANNOTATIONS.has(key) || key.startsWith("x-"))
      continue;
    if (!Object.hasOwn(KEYWORDS, key)) {
      const why = Object.hasOwn(REFUSED, key) ? `: ${REFUSED[key]}` : "";
      throw schemaError(
        path,
        `replies can't be held to the keyword ${key}${why}. Leave it out, and check it when the reply is there.`,
      );
    }
    switch (key) {
      case "type":
        if (![value].flat().every((one) => TYPES.has(one as string)))
          wrong(key, `of ${[...TYPES].join(", ")}`);
        break;
      case "enum":
        if (!Array.isArray(value) || value.length === 0)
          wrong(key, "a list of values");
        break;
      case "allOf":
      case "anyOf":
      case "oneOf":
      case "prefixItems":
        if (!Array.isArray(value) || value.length === 0)
          wrong(key, "a list of schemas");
        break;
      case "properties":
        if (!isObject(value)) wrong(key, "an object of schemas");
        break;
      case "required":
        if (
          !Array.isArray(value) ||
          value.some((one) => typeof one !== "string")
        )
          wrong(key, "a list of names");
        break;
      case "$ref":
        if (typeof value !== "string") wrong(key, "a text");
        break;
      case "minimum":
      case "maximum":
      case "exclusiveMinimum":
      case "exclusiveMaximum":
        if (typeof value !== "number" || !Number.isFinite(value))
          wrong(key, "a number");
        else if (isTooFine(value)) wrong(key, "a number of at most 15 digits");
        break;
      case "minLength":
      case "maxLength":
      case "minItems":
      case "maxItems":
      case "minProperties":
      case "maxProperties":
        if (!Number.isSafeInteger(value) || (value as number) < 0)
          wrong(key, "an integer, 0 or more");
        break;
      case "multipleOf":
        if (value !== 1) wrong(key, "1: replies can't be held to others");
        break;
      case "uniqueItems":
        if (value !== false)
          wrong(
            key,
            "false: whether items differ shows only when they are complete",
          );
        break;
    }
  }
}

/** Whether a number of 15 digits, the most that are written, could be rounded onto this one. */
function isTooFine(value: number): boolean {
  const size = Math.abs(value);
  const digits = String(size)
    .replace(/e.*|\D/g, "")
    .replace(/^0+/, "");
  return size < 1e15 && digits.length > 15;
}

/** What a reference points to, inside the same schema. */
export function resolve(root: unknown, reference: string, path: string): Place {
  const wrong = (problem: string) =>
    schemaError(pathIn(path, "$ref"), `"${reference}" ${problem}.`);
  if (reference !== "#" && !reference.startsWith("#/"))
    throw wrong("is not of this schema; a reference begins with #/");
  let value = root;
  for (const part of reference.split("/").slice(1)) {
    const key = unescaped(part);
    if (key === undefined || !isContainer(value) || !Object.hasOwn(value, key))
      throw wrong("is not there");
    value = (value as Record<string, unknown>)[key];
  }
  return place(value, reference);
}

function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is SchemaObject {
  return isContainer(value) && !Array.isArray(value);
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
