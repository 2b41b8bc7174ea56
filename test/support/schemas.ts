/** Schemas with values that are valid by them, in the order of members in which replies have them, and values that are not. */
export interface SchemaCase {
  name: string;
  schema: unknown;
  valid: readonly unknown[];
  invalid: readonly unknown[];
}

const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const tool = (name: string, properties: object) => ({
  type: "object",
  properties: {
    name: { const: name },
    arguments: {
      type: "object",
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  },
  required: ["name", "arguments"],
  additionalProperties: false,
});

const cases: Record<string, Omit<SchemaCase, "name">> = {
  "any value": {
    schema: {},
    valid: [null, true, 1.5e3, "x", [1, [2]], { a: { b: [] } }],
    invalid: [],
  },
  true: { schema: true, valid: [[], {}], invalid: [] },
  null: { schema: { type: "null" }, valid: [null], invalid: [0, "null"] },
  "a boolean": {
    schema: { type: "boolean" },
    valid: [true, false],
    invalid: [1, "true"],
  },
  "an integer": {
    schema: { type: "integer" },
    valid: [0, -7, 123456],
    invalid: [1.5, "1"],
  },
  "a number": {
    schema: { type: "number" },
    valid: [0, -0.5, 12.75, 1e21],
    invalid: ["1", true],
  },
  "a string": {
    schema: { type: "string" },
    valid: ["", 'a"b\\c\n', "ключ", "鍵", "مفتاح"],
    invalid: [1, null],
  },
  "several types": {
    schema: { type: ["string", "null", "integer"] },
    valid: ["a", null, 3],
    invalid: [1.5, [], true],
  },
  "integer or number": {
    schema: { type: ["integer", "number"] },
    valid: [1, 1.5],
    invalid: ["1"],
  },
  "a title and the like": {
    schema: {
      title: "Age",
      description: "in years",
      default: 3,
      examples: [4],
      $comment: "x",
      "x-order": 1,
      type: "integer",
    },
    valid: [3],
    invalid: ["3"],
  },

  "a minimum": {
    schema: { type: "integer", minimum: 7 },
    valid: [7, 10, 99],
    invalid: [6, -7, 0],
  },
  "a maximum": {
    schema: { type: "integer", maximum: 12 },
    valid: [12, 0, -500],
    invalid: [13, 99],
  },
  "a range over zero": {
    schema: { type: "integer", minimum: -12, maximum: 105 },
    valid: [-12, -1, 0, 99, 105],
    invalid: [-13, 106],
  },
  "a range below zero": {
    schema: { type: "integer", minimum: -250, maximum: -3 },
    valid: [-250, -99, -3],
    invalid: [-2, 0, -251],
  },
  "exclusive bounds": {
    schema: { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 10 },
    valid: [1, 9],
    invalid: [0, 10],
  },
  "bounds between integers": {
    schema: { type: "integer", minimum: 0.5, maximum: 2.5 },
    valid: [1, 2],
    invalid: [0, 3],
  },
  "one integer": {
    schema: { type: "integer", minimum: 42, maximum: 42 },
    valid: [42],
    invalid: [41, 4],
  },
  "a probability": {
    schema: { type: "number", minimum: 0, maximum: 1 },
    valid: [0, 1, 0.5, 0.999],
    invalid: [1.1, -0.1, 2],
  },
  "a positive number": {
    schema: { type: "number", exclusiveMinimum: 0 },
    valid: [0.001, 7, 12.5],
    invalid: [0, -1],
  },
  "a negative number": {
    schema: { type: "number", exclusiveMaximum: 0 },
    valid: [-0.001, -7],
    invalid: [0, 1],
  },
  "decimal bounds": {
    schema: { type: "number", minimum: -1.25, exclusiveMaximum: 3.75 },
    valid: [-1.25, 0, 3.74, 3],
    invalid: [-1.26, 3.75, 4],
  },
  "bounds close together": {
    schema: { type: "number", exclusiveMinimum: 0.2, exclusiveMaximum: 0.35 },
    valid: [0.21, 0.3, 0.349],
    invalid: [0.2, 0.35, 0.4],
  },
  "bounds with large and small": {
    schema: { type: "number", minimum: 1e-7, maximum: 250000 },
    valid: [0.001, 249999.5],
    invalid: [0, 250001],
  },
  "a number that is an integer": {
    schema: { type: "number", multipleOf: 1 },
    valid: [4],
    invalid: [4.5],
  },
  "several bounds": {
    schema: {
      allOf: [
        { type: "number", minimum: 2 },
        { minimum: 5, maximum: 8 },
        { exclusiveMinimum: 5 },
      ],
    },
    valid: [6, 5.5, 8],
    invalid: [5, 9],
  },

  "a length": {
    schema: { type: "string", minLength: 2, maxLength: 4 },
    valid: ["ab", "abcd", "日本", "😀😀", "\n\n"],
    invalid: ["a", "abcde", "😀"],
  },
  "an empty string": {
    schema: { type: "string", maxLength: 0 },
    valid: [""],
    invalid: ["a"],
  },
  "a long string": {
    schema: { type: "string", minLength: 30 },
    valid: ["x".repeat(30)],
    invalid: ["x".repeat(29)],
  },
  "an unknown format": {
    schema: { type: "string", format: "colour" },
    valid: ["red"],
    invalid: [1],
  },

  constants: {
    schema: { enum: ["red", "green", "blue"] },
    valid: ["red", "blue"],
    invalid: ["yellow", "re", "redd"],
  },
  "constants in four scripts": {
    schema: { enum: ["yes", "да", "はい", "نعم", 'say "yes"\n'] },
    valid: ["yes", "да", "はい", "نعم", 'say "yes"\n'],
    invalid: ["no"],
  },
  "constants of all kinds": {
    schema: { enum: [1, 2.5, "1", null, false, [1, "a"], { k: [true] }] },
    valid: [1, 2.5, "1", null, false, [1, "a"], { k: [true] }],
    invalid: [2, true, [1]],
  },
  "constants with a type": {
    schema: { type: "string", enum: ["a", 1, null] },
    valid: ["a"],
    invalid: [1, null],
  },
  "constants within bounds": {
    schema: { enum: [1, 5, 9, "long enough", "no"], minimum: 4, minLength: 3 },
    valid: [5, 9, "long enough"],
    invalid: [1, "no"],
  },
  "constants with common beginnings": {
    schema: { enum: ["a", "ab", "abc", "b"] },
    valid: ["a", "ab", "abc", "b"],
    invalid: ["ac", ""],
  },
  "one constant": {
    schema: { const: "the only one" },
    valid: ["the only one"],
    invalid: ["another"],
  },
  "an object as a constant": {
    schema: { const: { a: 1, b: [2, { c: null }] } },
    valid: [{ a: 1, b: [2, { c: null }] }],
    invalid: [{ a: 1 }],
  },
  "constants in common": {
    schema: { allOf: [{ enum: [1, 2, 3] }, { enum: [2, 3, 4] }] },
    valid: [2, 3],
    invalid: [1, 4],
  },

  "a person": {
    schema: person,
    valid: [{ name: "Ada", age: 36 }],
    invalid: [
      { name: "Ada" },
      { name: 1, age: 1 },
      { name: "A", age: 1, x: 1 },
    ],
  },
  "members that may be missing": {
    schema: {
      type: "object",
      properties: {
        a: { type: "integer" },
        b: { type: "boolean" },
        c: { type: "null" },
      },
      required: ["b"],
      additionalProperties: false,
    },
    valid: [
      { b: true },
      { a: 1, b: false },
      { b: true, c: null },
      { a: 1, b: true, c: null },
    ],
    invalid: [{}, { a: 1 }, { b: 1 }],
  },
  "all members may be missing": {
    schema: {
      properties: { a: { type: "integer" }, b: { type: "integer" } },
      additionalProperties: false,
    },
    valid: [{}, { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    invalid: [{ c: 1 }],
  },
  "an empty object": {
    schema: { type: "object", additionalProperties: false },
    valid: [{}],
    invalid: [{ a: 1 }],
  },
  "any object": {
    schema: { type: "object" },
    valid: [{}, { a: [1], b: {} }],
    invalid: [[], 1],
  },
  "free members of one kind": {
    schema: { type: "object", additionalProperties: { type: "integer" } },
    valid: [{}, { a: 1, ключ: 2 }],
    invalid: [{ a: "x" }],
  },
  "named members and others": {
    schema: {
      type: "object",
      properties: { id: { type: "integer" }, ideal: { type: "null" } },
      required: ["id"],
      additionalProperties: { type: "string" },
    },
    valid: [
      { id: 1 },
      {
        id: 1,
        ideal: null,
        i: "x",
        ide: "x",
        idea: "x",
        ideals: "y",
        other: "z",
      },
    ],
    invalid: [{ id: "x" }, { id: 1, other: 2 }, { ideal: "x" }],
  },
  "a required member without a name": {
    schema: {
      type: "object",
      required: ["x"],
      additionalProperties: { type: "boolean" },
    },
    valid: [{ x: true }, { x: true, y: false }],
    invalid: [{}, { y: true }, { x: 1 }],
  },
  "names with signs": {
    schema: {
      type: "object",
      properties: {
        'a"b': { type: "integer" },
        "c\\d": { type: "integer" },
        "e/f~": { type: "integer" },
        "": { type: "integer" },
        名前: { type: "integer" },
      },
      required: ['a"b', "c\\d", "e/f~", "", "名前"],
      additionalProperties: true,
    },
    valid: [
      { 'a"b': 1, "c\\d": 2, "e/f~": 3, "": 4, 名前: 5 },
      { 'a"b': 1, "c\\d": 2, "e/f~": 3, "": 4, 名前: 5, 名: "x", a: 1 },
    ],
    invalid: [{ 'a"b': "x" }],
  },
  "so many members": {
    schema: {
      type: "object",
      properties: {
        a: { const: 1 },
        b: { const: 2 },
        c: { const: 3 },
        d: { const: 4 },
      },
      required: ["b"],
      additionalProperties: false,
      minProperties: 2,
      maxProperties: 3,
    },
    valid: [
      { a: 1, b: 2 },
      { b: 2, c: 3, d: 4 },
      { a: 1, b: 2, d: 4 },
    ],
    invalid: [{ b: 2 }, { a: 1, b: 2, c: 3, d: 4 }],
  },
  "at most two free members": {
    schema: {
      type: "object",
      maxProperties: 2,
      additionalProperties: { type: "integer" },
    },
    valid: [{}, { a: 1 }, { a: 1, b: 2 }],
    invalid: [{ a: 1, b: 2, c: 3 }],
  },
  "objects in objects": {
    schema: {
      type: "object",
      properties: {
        at: {
          type: "object",
          properties: {
            city: { type: "string", maxLength: 12 },
            zip: { type: "integer", minimum: 10000, maximum: 99999 },
          },
          required: ["city", "zip"],
        },
        tags: { type: "array", items: { enum: ["a", "b"] }, maxItems: 3 },
      },
      required: ["at"],
    },
    valid: [
      { at: { city: "Bern", zip: 30000 } },
      { at: { city: "", zip: 10000 }, tags: ["a", "b"] },
    ],
    invalid: [{ at: { city: "Bern" } }, { at: { city: "Bern", zip: 1 } }],
  },
  "a member that no value can be": {
    schema: {
      type: "object",
      properties: { a: false, b: { type: "integer" } },
    },
    valid: [{}, { b: 1 }],
    invalid: [{ a: 1 }],
  },

  "any array": {
    schema: { type: "array" },
    valid: [[], [1, "a", [null]]],
    invalid: [{}],
  },
  "an array of integers": {
    schema: { type: "array", items: { type: "integer" } },
    valid: [[], [1], [1, 2, 3]],
    invalid: [["a"], [1.5]],
  },
  "so many items": {
    schema: {
      type: "array",
      items: { type: "boolean" },
      minItems: 2,
      maxItems: 3,
    },
    valid: [
      [true, false],
      [true, true, true],
    ],
    invalid: [[], [true], [true, true, true, true]],
  },
  "exactly one item": {
    schema: { type: "array", items: { const: 0 }, minItems: 1, maxItems: 1 },
    valid: [[0]],
    invalid: [[], [0, 0]],
  },
  "no items": {
    schema: { type: "array", maxItems: 0 },
    valid: [[]],
    invalid: [[1]],
  },
  "a tuple": {
    schema: {
      type: "array",
      prefixItems: [{ type: "string" }, { type: "integer" }],
      items: false,
      minItems: 2,
    },
    valid: [["a", 1]],
    invalid: [["a"], [1, "a"], ["a", 1, 2]],
  },
  "a tuple with a rest": {
    schema: {
      type: "array",
      prefixItems: [{ const: "sum" }],
      items: { type: "integer" },
      minItems: 1,
      maxItems: 4,
    },
    valid: [["sum"], ["sum", 1], ["sum", 1, 2, 3]],
    invalid: [[], [1], ["sum", "a"], ["sum", 1, 2, 3, 4]],
  },
  "a tuple that may be cut": {
    schema: {
      type: "array",
      prefixItems: [{ const: 1 }, { const: 2 }, { const: 3 }],
    },
    valid: [[], [1], [1, 2], [1, 2, 3]],
    invalid: [[2], [1, 3]],
  },
  "a tuple longer than its names": {
    schema: {
      type: "array",
      prefixItems: [{ const: 1 }],
      minItems: 2,
      maxItems: 2,
    },
    valid: [
      [1, "x"],
      [1, null],
    ],
    invalid: [[1], [2, 2]],
  },
  "a tuple in the old spelling": {
    schema: {
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "array",
      items: [{ const: 1 }, { type: "string" }],
      additionalItems: { type: "null" },
    },
    valid: [[1], [1, "a", null]],
    invalid: [[2], [1, "a", 2]],
  },
  "arrays of arrays": {
    schema: {
      type: "array",
      items: {
        type: "array",
        items: { type: "number", minimum: 0, maximum: 9 },
        minItems: 2,
        maxItems: 2,
      },
      minItems: 1,
    },
    valid: [
      [[1, 2]],
      [
        [0, 9.0],
        [0.5, 3],
      ],
    ],
    invalid: [[[1]], [], [[1, 10]]],
  },

  "one of two kinds": {
    schema: {
      anyOf: [
        { type: "string", maxLength: 3 },
        { type: "integer", minimum: 5 },
      ],
    },
    valid: ["abc", 5],
    invalid: ["abcd", 4],
  },
  "objects told apart by a constant": {
    schema: {
      oneOf: [
        {
          type: "object",
          properties: {
            kind: { const: "circle" },
            r: { type: "number", exclusiveMinimum: 0 },
          },
          required: ["kind", "r"],
        },
        {
          type: "object",
          properties: {
            kind: { const: "box" },
            w: { type: "integer" },
            h: { type: "integer" },
          },
          required: ["kind", "w", "h"],
        },
      ],
    },
    valid: [
      { kind: "circle", r: 1.5 },
      { kind: "box", w: 1, h: 2 },
    ],
    invalid: [
      { kind: "circle", w: 1, h: 2 },
      { kind: "cone", r: 1 },
      { kind: "circle", r: 0 },
    ],
  },
  "calls of tools": {
    schema: {
      anyOf: [
        tool("weather", { city: { type: "string" } }),
        tool("add", { a: { type: "integer" }, b: { type: "integer" } }),
        tool("now", {}),
      ],
    },
    valid: [
      { name: "weather", arguments: { city: "Oslo" } },
      { name: "add", arguments: { a: 1, b: 2 } },
      { name: "now", arguments: {} },
    ],
    invalid: [
      { name: "add", arguments: { city: "Oslo" } },
      { name: "subtract", arguments: { a: 1, b: 2 } },
    ],
  },
  "a base and two variants": {
    schema: {
      type: "object",
      properties: { id: { type: "integer" } },
      required: ["id"],
      anyOf: [
        { properties: { a: { type: "string" } }, required: ["a"] },
        { properties: { b: { type: "null" } }, required: ["b"] },
      ],
    },
    valid: [
      { id: 1, a: "x" },
      { id: 1, b: null },
    ],
    invalid: [{ id: 1 }, { a: "x" }, { id: 1, a: 1 }],
  },
  "either of two members": {
    schema: {
      type: "object",
      properties: { a: { type: "integer" }, b: { type: "integer" } },
      anyOf: [{ required: ["a"] }, { required: ["b"] }],
    },
    valid: [{ a: 1 }, { b: 1 }, { a: 1, b: 2 }],
    invalid: [{}],
  },
  "all of three": {
    schema: {
      allOf: [
        {
          type: "object",
          properties: { a: { type: "integer" } },
          required: ["a"],
        },
        { properties: { b: { type: "string" } }, required: ["b"] },
        { properties: { a: { minimum: 3 } } },
      ],
    },
    valid: [{ a: 3, b: "x" }],
    invalid: [{ a: 2, b: "x" }, { a: 3 }],
  },
  "unions of unions": {
    schema: {
      allOf: [
        { anyOf: [{ type: "string" }, { type: "integer" }] },
        { anyOf: [{ minimum: 3, minLength: 2 }, { const: "x" }] },
      ],
    },
    valid: [3, "ab", "x"],
    invalid: [2, "a"],
  },
  "oneOf by length and range": {
    schema: {
      oneOf: [
        { type: "integer", maximum: 3 },
        { type: "integer", minimum: 7 },
        { type: "string", maxLength: 1 },
        { type: "string", minLength: 4 },
        { type: "null" },
      ],
    },
    valid: [3, 7, "a", "abcd", null],
    invalid: [5, "ab"],
  },
  "a nullable member": {
    schema: {
      type: "object",
      properties: {
        note: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
      },
      required: ["note"],
    },
    valid: [{ note: null }, { note: "x" }],
    invalid: [{ note: 1 }, {}],
  },

  "a reference": {
    schema: { $ref: "#/$defs/person", $defs: { person } },
    valid: [{ name: "Ada", age: 1 }],
    invalid: [{ name: "Ada" }],
  },
  "references in members and items": {
    schema: {
      type: "object",
      properties: {
        boss: { $ref: "#/$defs/person" },
        team: { type: "array", items: { $ref: "#/$defs/person" } },
      },
      required: ["boss", "team"],
      $defs: { person },
    },
    valid: [
      { boss: { name: "A", age: 1 }, team: [{ name: "B", age: 2 }] },
      { boss: { name: "A", age: 1 }, team: [] },
    ],
    invalid: [
      { boss: { name: "A" }, team: [] },
      { boss: { name: "A", age: 1 }, team: [1] },
    ],
  },
  "a reference with more beside it": {
    schema: {
      $ref: "#/definitions/short",
      minLength: 2,
      definitions: { short: { type: "string", maxLength: 3 } },
    },
    valid: ["ab", "abc"],
    invalid: ["a", "abcd"],
  },
  "a reference with signs": {
    schema: {
      properties: { x: { $ref: "#/$defs/a~1b%20c" } },
      required: ["x"],
      $defs: { "a/b c": { type: "null" } },
    },
    valid: [{ x: null }],
    invalid: [{ x: 1 }],
  },
  "a tree": {
    schema: {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: {
            value: { type: "integer" },
            children: {
              type: "array",
              items: { $ref: "#/$defs/node" },
              maxItems: 2,
            },
          },
          required: ["value", "children"],
          additionalProperties: false,
        },
      },
    },
    valid: [
      { value: 1, children: [] },
      {
        value: 1,
        children: [{ value: 2, children: [{ value: 3, children: [] }] }],
      },
    ],
    invalid: [{ value: 1 }, { value: 1, children: [1] }],
  },
  "a list": {
    schema: {
      type: "object",
      properties: {
        head: { type: "integer" },
        tail: { anyOf: [{ $ref: "#" }, { type: "null" }] },
      },
      required: ["head", "tail"],
      additionalProperties: false,
    },
    valid: [
      { head: 1, tail: null },
      { head: 1, tail: { head: 2, tail: null } },
    ],
    invalid: [{ head: 1 }, { head: 1, tail: 2 }],
  },
  "two that refer to each other": {
    schema: {
      $ref: "#/$defs/even",
      $defs: {
        even: {
          type: "object",
          properties: { odd: { $ref: "#/$defs/odd" } },
          additionalProperties: false,
        },
        odd: {
          type: "object",
          properties: { even: { $ref: "#/$defs/even" } },
          required: ["even"],
          additionalProperties: false,
        },
      },
    },
    valid: [{}, { odd: { even: {} } }],
    invalid: [{ odd: {} }],
  },
  "an expression": {
    schema: {
      $ref: "#/$defs/e",
      $defs: {
        e: {
          anyOf: [
            { type: "integer" },
            {
              type: "array",
              prefixItems: [
                { enum: ["+", "*"] },
                { $ref: "#/$defs/e" },
                { $ref: "#/$defs/e" },
              ],
              items: false,
              minItems: 3,
            },
          ],
        },
      },
    },
    valid: [1, ["+", 1, ["*", 2, 3]]],
    invalid: [
      ["+", 1],
      ["-", 1, 2],
    ],
  },
  "a branch that never ends": {
    schema: {
      anyOf: [
        {
          type: "object",
          properties: { next: { $ref: "#/anyOf/0" } },
          required: ["next"],
          additionalProperties: false,
        },
        { const: "end" },
      ],
    },
    valid: ["end"],
    invalid: [{}, { next: "end" }],
  },
};

export const schemaCases: readonly SchemaCase[] = Object.entries(cases).map(
  ([name, one]) => ({ name, ...one }),
);
