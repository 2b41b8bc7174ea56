/** A name without control and bidirectional characters, which could reverse or hide the text beside it. */
export function plainName(name: string): string {
  return name.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
}
