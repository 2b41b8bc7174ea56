/**
 * Expressions to evaluate in the inspected page. Text enters them only as string literals.
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
 * JSON as JavaScript: escapes U+2028 and U+2029, which older engines take for line ends, and `<`, so that no
 * `</script>` appears.
 */
function literal(value: string | number): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
