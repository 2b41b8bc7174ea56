/** Letters of a PDF as texts write them. Fonts have glyphs for two letters, and Arabic has one for each place in a word. */

/** Ligatures, presentation forms of Hebrew and Arabic, spaces of many widths, and signs that have a twin. */
const FORMS =
  /[\u00A0\u00B5\u037E\u0EB3\u2000-\u200A\u202F\u2126\uFB00-\uFB06\uFB13-\uFD3D\uFD50-\uFDFB\uFE70-\uFEFC]/g;
/** What a mark that stands alone decomposes to: something to stand on, and the mark. */
const MARK_ALONE = /^[ \u0640](?=\p{M})/u;

/** `ﬁ` as two letters, `ﻼ` too, `ﻣ` as the letter that it is a form of. Takes time linear in the text's length. */
export function withPlainLetters(text: string): string {
  return text.replace(FORMS, (form) =>
    form.normalize("NFKC").replace(MARK_ALONE, ""),
  );
}
