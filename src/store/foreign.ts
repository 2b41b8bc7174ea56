/**
 * The border between the disk and the app. An invalid record (older, newer, edited by hand, torn) is dropped and
 * counted; it never becomes an exception or a partial value.
 */
import * as v from "valibot";

/** The valid records, and the number of invalid ones. */
export interface Found<T> {
  records: T[];
  dropped: number;
}

/** The record in the schema's form; undefined if it is invalid. */
export function checkedRecord<T>(
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
): T | undefined {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : undefined;
}

export function checkedRecords<T>(
  schema: v.GenericSchema<unknown, T>,
  values: readonly unknown[],
): Found<T> {
  const records = values
    .map((value) => checkedRecord(schema, value))
    .filter((record) => record !== undefined);
  return { records, dropped: values.length - records.length };
}

/**
 * Refuses to write what could not be read again.
 *
 * @throws TypeError naming the field: a mistake of the caller, not of the disk
 */
export function assertRecord<T>(
  schema: v.GenericSchema<unknown, T>,
  record: T,
  what: string,
): void {
  const result = v.safeParse(schema, record);
  if (result.success) return;
  const issue = result.issues[0];
  throw new TypeError(
    `${what}: ${v.getDotPath(issue) ?? "record"}: ${issue.message}`,
  );
}

/** A whole number of at least 0: a count. */
export const wholeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const MAX_ROUND_ID = 2 ** 32 - 1;

/** A round's id in its chat. Ids count up, so it must be a number that leaves room for more. */
export const roundId = v.pipe(wholeNumber, v.maxValue(MAX_ROUND_ID));

/** The lowest id above all of these. Numbers that are no valid ids don't count. */
export function idAfter(ids: readonly number[]): number {
  return ids.reduce(
    (next, id) => (id <= MAX_ROUND_ID ? Math.max(next, id + 1) : next),
    0,
  );
}

/** Milliseconds since 1970. */
export const timeMs = v.pipe(v.number(), v.finite(), v.minValue(0));
