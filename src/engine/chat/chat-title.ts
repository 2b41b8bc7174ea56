/** A chat's title until the user names it: its first message, on one short line. */

const MOST_CHARACTERS = 80;

export function chatTitle(message: string): string {
  const line = message.trim().replace(/\s+/g, " ");
  const characters = [...line];
  if (characters.length <= MOST_CHARACTERS) return line;
  const cut = characters.slice(0, MOST_CHARACTERS - 1).join("");
  // At the end of a word, if that does not shorten the line much.
  const end = cut.lastIndexOf(" ");
  return `${end > cut.length / 2 ? cut.slice(0, end) : cut}…`;
}
