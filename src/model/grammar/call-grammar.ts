/**
 * The grammar of calls of tools, as models write them (text/parse-calls.ts). Arguments are valid by the tool's schema,
 * as far as that has supported keywords alone; else they are any object.
 */
import type { ToolDefinition } from "../../store/tools";
import { SchemaError } from "../../util/errors";
import type { ToolCallFormat } from "../text/parse-calls";
import type { JsonLayout } from "./json-text";
import type { GrammarNode } from "./nodes";
import { type Grammar, schemaGrammar } from "./schema-grammar";

export interface CallGrammarOptions {
  format: ToolCallFormat;
  /** Whether the mark in front of a call is in the grammar, too: the reply has to call. */
  withMark: boolean;
  layout: JsonLayout;
  /** Whether the end of a code box follows. */
  isFenced?: boolean;
}

/** From the mark of a call, or behind it, to the call's end; where calls are the whole reply, to the end of the last. */
export function callGrammar(
  tools: readonly ToolDefinition[],
  options: CallGrammarOptions,
): Grammar {
  const { text, root } = unfenced(tools, options);
  if (!options.isFenced) return { text, root };
  const { nodes } = text;
  return { text, root: nodes.sequence(root, nodes.text("\n```")) };
}

function unfenced(
  tools: readonly ToolDefinition[],
  { format, withMark, layout }: CallGrammarOptions,
): Grammar {
  const key = format === "llama3" ? "parameters" : "arguments";
  const { text, root } = schemaGrammar(callSchema(tools, key), layout);
  const { nodes } = text;
  const literal = (mark: string) => nodes.text(mark);
  const list = (): GrammarNode => {
    const more = nodes.sequence(text.comma, root);
    const calls = nodes.sequence(root, nodes.repeat(more, 0, MOST_CALLS - 1));
    return nodes.sequence(
      literal("["),
      text.space,
      calls,
      text.space,
      literal("]"),
    );
  };
  const start = withMark ? (START[format] ?? "") : "";
  switch (format) {
    case "hermes":
      return {
        text,
        root: nodes.sequence(
          literal(start),
          literal("\n"),
          root,
          literal("\n</tool_call>"),
        ),
      };
    case "mistral":
      return {
        text,
        root: nodes.sequence(
          literal(start),
          nodes.choice(nodes.empty, literal(" ")),
          list(),
        ),
      };
    case "llama3":
      return { text, root };
    case "json":
      // A model that has to call is not tempted to go on with a list.
      return { text, root: withMark ? root : nodes.choice(root, list()) };
  }
}

/** In a list: else a model may go on with it forever. */
const MOST_CALLS = 8;

/** What a call begins with, where that is a mark. */
const START: Partial<Record<ToolCallFormat, string>> = {
  hermes: "<tool_call>",
  mistral: "[TOOL_CALLS]",
};

/** Of a call of any of these. References in their schemas lead to where these stand now. */
function callSchema(
  tools: readonly ToolDefinition[],
  key: "parameters" | "arguments",
): object {
  const known = tools.map(({ parameters = NO_PARAMETERS }) => {
    if (hasNone(parameters)) return NO_PARAMETERS;
    return isSupported(parameters) ? parameters : { type: "object" };
  });
  return {
    anyOf: tools.map(({ name }, i) => ({
      type: "object",
      properties: {
        name: { const: name },
        [key]: { $ref: `#/$defs/tool${i}` },
      },
      required: ["name", key],
    })),
    $defs: Object.fromEntries(
      known.map((schema, i) => [
        `tool${i}`,
        atRoot(schema, `#/$defs/tool${i}`),
      ]),
    ),
  };
}

const NO_PARAMETERS = {
  type: "object",
  properties: {},
  additionalProperties: false,
};

/** A tool without parameters is often described like this, which allows any. */
function hasNone(schema: object): boolean {
  const { properties, ...others } = schema as Record<string, unknown>;
  const isEmpty =
    Object(properties) === properties &&
    Object.keys(properties as object).length === 0;
  return isEmpty && Object.keys(others).every((key) => key === "type");
}

function isSupported(schema: object): boolean {
  try {
    schemaGrammar({ type: "object", ...schema }, "single-line");
    return true;
  } catch (error) {
    if (error instanceof SchemaError) return false;
    throw error;
  }
}

/** A schema whose root now stands at `root`. */
function atRoot(schema: unknown, root: string): unknown {
  if (Array.isArray(schema)) return schema.map((one) => atRoot(one, root));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, one]) => {
      if (key === "$ref" && typeof one === "string" && one.startsWith("#"))
        return [key, `${root}${one.slice(1)}`];
      return [key, VALUES.has(key) ? one : atRoot(one, root)];
    }),
  );
}

/** Keywords whose values are no schemas. */
const VALUES = new Set(["const", "enum", "default", "examples"]);
