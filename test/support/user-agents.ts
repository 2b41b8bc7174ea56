/** How Chrome of a version names itself. */
export function ofChrome(version: string, more = ""): string {
  return `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version} Safari/537.36${more}`;
}
