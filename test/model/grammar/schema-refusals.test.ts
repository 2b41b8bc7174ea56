import { describe, expect, it } from "vitest";
import { schemaGrammar } from "../../../src/model/grammar/schema-grammar";
import { SchemaError } from "../../../src/util/errors";

function refusal(schema: unknown): SchemaError {
  try {
    schemaGrammar(schema, "single-line");
  } catch (error) {
    expect(error).toBeInstanceOf(SchemaError);
    return error as SchemaError;
  }
  throw new Error(`It was taken: ${JSON.stringify(schema)}`);
}

const inside = (schema: object) => ({
  type: "object",
  properties: { "a/b": { type: "array", items: schema } },
});
const INSIDE = "#/properties/a~1b/items";

describe("a schema that replies can't be held to", () => {
  it.each([
    { not: { type: "string" } },
    { if: { const: 1 }, then: { const: 1 } },
    { contains: { const: 1 } },
    { patternProperties: { "^a": true } },
    { propertyNames: { maxLength: 3 } },
    { dependentRequired: { a: ["b"] } },
    { dependentSchemas: { a: true } },
    { dependencies: { a: ["b"] } },
    { unevaluatedProperties: false },
    { unevaluatedItems: false },
    { $dynamicRef: "#a" },
    { $anchor: "a" },
    { requierd: ["a"] },
    { minContains: 1 },
  ])("is refused with the keyword's name and place: %j", (schema) => {
    const [keyword] = Object.keys(schema);
    const { path, message } = refusal(inside(schema));
    expect(path).toBe(INSIDE);
    expect(message).toContain(`The schema at ${INSIDE}: `);
    expect(message).toContain(`the keyword ${keyword}`);
  });

  it.each([
    { pattern: "^a" },
    { format: "date" },
    { format: "email", type: ["string", "null"] },
    { uniqueItems: true },
    { multipleOf: 5 },
    { minimum: 0.1234567890123456 },
  ])("is refused with the keyword's place: %j", (schema) => {
    const [keyword] = Object.keys(schema);
    const { path, message } = refusal(inside(schema));
    expect(path).toBe(`${INSIDE}/${keyword}`);
    expect(message).toContain(keyword);
  });

  it("is one of branches that a value could be valid by at once", () => {
    const { path, message } = refusal({
      oneOf: [
        { type: "string" },
        { type: "integer" },
        { type: "number", minimum: 3 },
      ],
    });
    expect(path).toBe("#/oneOf");
    expect(message).toContain("both 1 and 2");
    expect(message).toContain("anyOf");
    refusal({
      oneOf: [
        { type: "object", properties: { a: { const: 1 } } },
        { type: "object", properties: { a: { const: 2 } } },
      ],
    });
  });

  it("counts free members", () => {
    const { path, message } = refusal({ type: "object", minProperties: 2 });
    expect(path).toBe("#");
    expect(message).toContain("minProperties");
  });
});

describe("what is no schema", () => {
  it.each([undefined, null, 3, "xml", [], () => true])("%j", (schema) => {
    expect(refusal(schema)).toMatchObject({
      name: "SchemaError",
      path: "#",
      message: 'The schema at #: it must be an object, or "json" in its place.',
    });
  });

  it.each([
    [{ type: "strin" }, "#/type", "type must be of null, boolean"],
    [{ type: "array", items: "string" }, "#/items", "a schema is an object"],
    [{ properties: ["a"] }, "#/properties", "an object of schemas"],
    [{ properties: { a: 1 } }, "#/properties/a", "a schema is an object"],
    [{ required: "a" }, "#/required", "a list of names"],
    [{ enum: [] }, "#/enum", "a list of values"],
    [{ enum: "a" }, "#/enum", "a list of values"],
    [{ anyOf: [] }, "#/anyOf", "a list of schemas"],
    [{ anyOf: [{}, null] }, "#/anyOf/1", "a schema is an object"],
    [{ type: "integer", minimum: "3" }, "#/minimum", "a number"],
    [{ type: "string", maxLength: -1 }, "#/maxLength", "0 or more"],
    [{ type: "string", maxLength: 1.5 }, "#/maxLength", "0 or more"],
    [{ $ref: 3 }, "#/$ref", "a text"],
    [{ $ref: "#/$defs/a" }, "#/$ref", '"#/$defs/a" is not there'],
    [{ $ref: "#/constructor" }, "#/$ref", "is not there"],
    [{ $ref: "#/%zz" }, "#/$ref", "is not there"],
    [{ $ref: "https://example.com/a" }, "#/$ref", "begins with #/"],
    [{ $ref: "#" }, "#/$ref", "refers to itself"],
    [
      { $ref: "#/$defs/a", $defs: { a: { allOf: [{ $ref: "#/$defs/a" }] } } },
      "#/$defs/a/allOf/0/$ref",
      "refers to itself",
    ],
  ])("%j", (schema, path, problem) => {
    const error = refusal(schema);
    expect(error.path).toBe(path);
    expect(error.message).toContain(problem);
  });

  it("is nested too deep, or contains itself", () => {
    let deep: object = {};
    for (let i = 0; i < 200; i++) deep = { items: deep };
    expect(refusal(deep).message).toContain("deep");
    const round: Record<string, unknown> = {};
    round["items"] = round;
    expect(refusal(round).message).toContain("deep");
  });

  it("has too many combinations", () => {
    const two = { anyOf: [{ minLength: 1 }, { maxLength: 1 }] };
    expect(
      refusal({ type: "string", allOf: Array.from({ length: 12 }, () => two) })
        .message,
    ).toContain("more than 500 alternatives");
  });
});

describe("a schema that no value is valid by", () => {
  it.each([
    false,
    { type: "integer", minimum: 3, maximum: 2 },
    { type: "integer", exclusiveMinimum: 3, exclusiveMaximum: 4 },
    { type: "number", minimum: 1e20 },
    { type: "number", exclusiveMaximum: -1e300 },
    { type: "integer", minimum: Number.MAX_SAFE_INTEGER },
    { type: "string", minLength: 3, maxLength: 2 },
    { type: "string", enum: [1] },
    { type: "array", minItems: 3, maxItems: 2 },
    { type: "array", prefixItems: [{}], items: false, minItems: 2 },
    { type: "object", required: ["a"], additionalProperties: false },
    { type: "object", properties: { a: false }, required: ["a"] },
    {
      type: "object",
      properties: { next: { $ref: "#" } },
      required: ["next"],
    },
    { allOf: [{ type: "string" }, { type: "null" }] },
  ])("is refused: %j", (schema) => {
    expect(refusal(schema).message).toBe(
      "The schema at #: no value is valid by it.",
    );
  });
});
