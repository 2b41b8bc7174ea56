/** Checks what is stored of tools. */
import * as v from "valibot";
import type { ToolCall, ToolDefinition, ToolResult } from "./tools";

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
