/** A value on one line, with a space behind each comma and colon: as Python's json.dumps writes it. */
export function spacedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}: ${spacedJson(one)}`,
  );
  return `{${members.join(", ")}}`;
}
