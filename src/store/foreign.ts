/**
 * The border between what is on the disk and the app. A record of another shape (older, newer, edited
 * by hand, torn) is dropped and counted; it never becomes an exception or half a value.
 */
import * as v from "valibot";

/** What was read, and how many records were of another shape. */
export interface Found<T> {
  records: T[];
  dropped: number;
}

/** The record in the schema's form; undefined where it is of another. */
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

/** What names a round in its chat. Rounds count up: the next one's must be a number too, and so on. */
export const roundId = v.pipe(wholeNumber, v.maxValue(MAX_ROUND_ID));

/** The first id that none of these is, nor is any above it. A number that is no round's id takes none. */
export function idAfter(ids: readonly number[]): number {
  return ids.reduce(
    (next, id) => (id <= MAX_ROUND_ID ? Math.max(next, id + 1) : next),
    0,
  );
}

/** Milliseconds since 1970. */
export const timeMs = v.pipe(v.number(), v.finite(), v.minValue(0));
