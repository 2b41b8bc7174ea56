/** PDFs as small as they can be, made in code. */

/** A line of a page: where it begins, in units from the lower left, and its size. */
export interface PdfLine {
  text: string;
  x?: number;
  y: number;
  size?: number;
}

/** A PDF of one page for each list of lines, in Helvetica. */
export function pdfOf(...pages: PdfLine[][]): string {
  const pageAt = (page: number) => 4 + 2 * page;
  const kids = pages.map((_, page) => `${pageAt(page)} 0 R`).join(" ");
  return pdfOfObjects([
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ...pages.flatMap((lines, page) => [
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >> " +
        `/Contents ${pageAt(page) + 1} 0 R >>`,
      streamOf(lines.map(drawn).join("\n")),
    ]),
  ]);
}

/** Characters that a page shows from a place on, to the right. */
export interface Shown {
  characters: string;
  x: number;
  y: number;
}

/** How wide a character of `pdfOfShown` is; they are twice as high. */
export const CHARACTER_WIDTH = 6;

/** A page in a font of any characters, which numbers its glyphs and names them by a table, as programs write fonts. */
export function pdfOfShown(shown: readonly Shown[]): string {
  const letters = [
    ...new Set(shown.flatMap(({ characters }) => [...characters])),
  ];
  const hex = (value: number) => value.toString(16).padStart(4, "0");
  const glyphOf = (letter: string) => hex(1 + letters.indexOf(letter));
  const names = letters.map(
    (letter) => `<${glyphOf(letter)}> <${hex(letter.codePointAt(0)!)}>`,
  );
  const table = [
    "begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange",
    `${names.length} beginbfchar`,
    ...names,
    "endbfchar endcmap",
  ].join("\n");
  const content = shown.map(({ characters, x, y }) => {
    const glyphs = [...characters].map(glyphOf).join("");
    return `BT /F1 ${2 * CHARACTER_WIDTH} Tf 1 0 0 1 ${x} ${y} Tm <${glyphs}> Tj ET`;
  });
  return pdfOfObjects([
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
    "<< /Type /Font /Subtype /Type0 /BaseFont /Other /Encoding /Identity-H /DescendantFonts [7 0 R] /ToUnicode 6 0 R >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>",
    streamOf(content.join("\n")),
    streamOf(table),
    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Other /DW 500 /FontDescriptor 8 0 R " +
      "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
    "<< /Type /FontDescriptor /FontName /Other /Flags 4 /FontBBox [0 0 500 1000] /ItalicAngle 0 /Ascent 800 " +
      "/Descent -200 /CapHeight 700 /StemV 80 >>",
  ]);
}

/** Numbers the objects from 1 on and adds the table of where they are. The first is the catalog. */
export function pdfOfObjects(objects: string[], trailer = ""): string {
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, i) => {
    const offset = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const size = objects.length + 1;
  return (
    `${file}xref\n0 ${size}\n0000000000 65535 f \n${offsets.join("")}` +
    `trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${file.length}\n%%EOF\n`
  );
}

/** Encrypted with a password that is not the empty one: its check does not come out for that. */
export function encryptedPdf(): string {
  const check = "5a".repeat(32);
  return pdfOfObjects(
    [
      "<< /Type /Catalog /Pages 2 0 R >>",
      "<< /Type /Pages /Kids [] /Count 0 >>",
      `<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <${check}> /U <${check}> >>`,
    ],
    `/Encrypt 3 0 R /ID [<${check}> <${check}>]`,
  );
}

function drawn({ text, x = 50, y, size = 12 }: PdfLine): string {
  const escaped = text.replace(/[\\()]/g, "\\$&");
  return `BT /F1 ${size} Tf 1 0 0 1 ${x} ${y} Tm (${escaped}) Tj ET`;
}

function streamOf(content: string): string {
  return `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;
}
