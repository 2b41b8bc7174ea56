/** A name without what would turn the text beside it around, or hide a part of it. */
export function plainName(name: string): string {
  return name.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
}
