/** Functions of the page that a model may call: what it is told of them, its calls, and what these gave. */
import * as v from "valibot";

export interface ToolDefinition {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  readonly description?: string | undefined;
  /** A JSON schema of the arguments, which are an object. Default: there are none. */
  readonly parameters?: object | undefined;
}

export interface ToolCall {
  /** Unique in its chat. */
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What a call gave. */
export interface ToolResult {
  readonly callId: string;
  /** Of the tool. */
  readonly name: string;
  readonly content: string;
}

const name = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/));
const object = v.record(v.string(), v.unknown());

export const toolsSchema: v.GenericSchema<unknown, ToolDefinition[]> = v.array(
  v.object({
    name,
    description: v.optional(v.string()),
    parameters: v.optional(object),
  }),
);
export const callsSchema: v.GenericSchema<unknown, ToolCall[]> = v.array(
  v.object({ id: v.string(), name, arguments: object }),
);
export const resultsSchema: v.GenericSchema<unknown, ToolResult[]> = v.array(
  v.object({ callId: v.string(), name, content: v.string() }),
);
