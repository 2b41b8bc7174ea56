/** Tools in plain text: for templates that do not know them. */
import { spacedJson } from "../../util/spaced-json";
import type { ToolDefinition, ToolResult } from "../../store/tools";

const BEFORE =
  "You can call functions. Each line describes one, with a JSON schema of its arguments:";
const AFTER = `To call a function, reply with nothing but a JSON object, or with a list of such objects to call several:
{"name": <function>, "arguments": <object>}
You are then told what it gave. If no function is needed, reply in plain text.`;

/** A system prompt that tells of tools. */
export function withTools(
  system: string | undefined,
  tools: readonly ToolDefinition[],
): string | undefined {
  if (tools.length === 0) return system;
  const lines = tools.map((tool) => spacedJson(toolSchema(tool).function));
  const told = [BEFORE, ...lines, AFTER].join("\n");
  return system ? `${system}\n\n${told}` : told;
}

/** A message that tells what calls gave. */
export function withResults(
  user: string,
  results: readonly ToolResult[],
): string {
  const told = results.map(({ name, content }) => `${name} gave:\n${content}`);
  return [...told, user].filter((text) => text !== "").join("\n\n");
}

/**
 * Tools as a template is given them. A tool's words may come from strangers: where they spell a token that marks a
 * turn, its first character is escaped, as JSON allows.
 */
export function toolSchemas(
  tools: readonly ToolDefinition[],
  markers: readonly string[],
): unknown[] {
  return tools.map((tool) => harmless(toolSchema(tool), markers));
}

function harmless(value: unknown, markers: readonly string[]): unknown {
  if (typeof value === "string")
    return markers.reduce(
      (text, marker) => text.replaceAll(marker, escaped(marker)),
      value,
    );
  if (Array.isArray(value)) return value.map((one) => harmless(one, markers));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      harmless(key, markers),
      harmless(one, markers),
    ]),
  );
}

function escaped(marker: string): string {
  const code = marker.charCodeAt(0).toString(16).padStart(4, "0");
  return `\\u${code}${marker.slice(1)}`;
}

/** A definition as OpenAI writes it, and templates expect it. */
export function toolSchema({ name, description, parameters }: ToolDefinition) {
  return {
    type: "function",
    function: {
      name,
      description: description ?? "",
      parameters: parameters ?? { type: "object", properties: {} },
    },
  };
}
