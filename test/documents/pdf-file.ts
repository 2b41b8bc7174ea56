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
