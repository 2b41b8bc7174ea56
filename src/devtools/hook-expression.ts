/**
 * What is evaluated in the inspected page. Text gets into it as a string literal and in no other way,
 * whatever it holds.
 */
import { HOOK_NAME, type Hook } from "../ui/devtools/devtools-protocol";

const HOOK = `globalThis[Symbol.for(${literal(HOOK_NAME)})]`;

/** An expression that calls the page's hook; null where the page has none. */
export function hookExpression<Name extends "abort" | "call" | "take">(
  name: Name,
  ...args: Parameters<Hook[Name]>
): string {
  return `${HOOK}?.${name}(${args.map(literal).join(", ")}) ?? null`;
}

/**
 * JSON is JavaScript, save for what older engines take for ends of lines; and nothing in it should look like
 * the end of a script to whoever embeds it.
 */
function literal(value: string | number): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
