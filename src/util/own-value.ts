/**
 * A record's own property under an untrusted name. Plain indexing would also find inherited ones such as
 * "constructor" or "toString".
 */
export function ownValue<T>(
  record: Readonly<Record<string, T>>,
  name: string,
): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
