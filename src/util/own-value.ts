/**
 * What a record itself has under a name that came from elsewhere. Names such as "constructor" or "toString"
 * would otherwise find what every object inherits.
 */
export function ownValue<T>(
  record: Readonly<Record<string, T>>,
  name: string,
): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
