/** Checks untrusted JSON against a schema, once, at the border. */
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";

/**
 * The value in the schema's form.
 *
 * @throws ModelFormatError naming the file, the first invalid field, what was expected and what was found
 */
export function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
  file: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  if (path !== null && issue.received === "undefined") {
    throw new ModelFormatError({
      file,
      expected: path,
      found: "nothing",
    });
  }
  // Actions such as `integer` have no `expected`; the schema then says it as the message.
  const expected = issue.expected ?? issue.message;
  throw new ModelFormatError({
    file,
    expected: path === null ? expected : `${path}: ${expected}`,
    found: issue.received,
  });
}
