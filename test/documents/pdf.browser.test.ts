import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readDocument } from "../../src/documents/read-document";
import { DocumentError } from "../../src/util/errors";
import {
  CHARACTER_WIDTH,
  encryptedPdf,
  pdfOf,
  pdfOfObjects,
  pdfOfShown,
  type PdfLine,
  type Shown,
} from "./pdf-file";

const pdf = (content: BlobPart, name = "a.pdf") => new File([content], name);

async function textOf(...pages: PdfLine[][]): Promise<string> {
  const { text } = await readDocument(pdf(pdfOf(...pages)));
  return text;
}

/** Lines below each other, from the top. */
const linesOf = (...texts: string[]): PdfLine[] =>
  texts.map((text, i) => ({ text, y: 750 - 14 * i }));

const reasonOf = (content: BlobPart, name?: string) =>
  readDocument(pdf(content, name)).then(
    () => "no error",
    (error: unknown) =>
      error instanceof DocumentError ? error.reason : String(error),
  );

describe("A PDF's text", () => {
  test("has its pages with a blank line between", async () => {
    expect(
      await textOf(linesOf("The first page."), [], linesOf("The third one.")),
    ).toBe("The first page.\n\nThe third one.");
  });

  test("has paragraphs whose lines are joined and whose divided words are whole", async () => {
    const prose = linesOf(
      "A paragraph goes on to the edge of its column and is bro-",
      "ken there, in the middle of a word or at a space between",
      "two of them. Then it ends.",
    );
    const next = { text: "Another stands below a gap.", y: 680 };
    expect(await textOf([...prose, next])).toBe(
      "A paragraph goes on to the edge of its column and is broken there, in the middle of a word or at a space " +
        "between two of them. Then it ends.\n\nAnother stands below a gap.",
    );
  });

  test("keeps a heading apart, and the rows of a table", async () => {
    const heading = { text: "Prices", y: 720, size: 20 };
    const rows = [
      ["Apples", "1.50"],
      ["Pears", "12.00"],
    ].flatMap(([name, price], i) => [
      { text: name!, y: 690 - 14 * i },
      { text: price!, x: 300, y: 690 - 14 * i },
    ]);
    expect(await textOf([heading, ...rows])).toBe(
      "Prices\n\nApples\t1.50\nPears\t12.00",
    );
  });

  test("is found under any name", async () => {
    const file = pdf(pdfOf(linesOf("Hello.")), "download");
    expect(await readDocument(file)).toEqual({
      name: "download",
      text: "Hello.",
    });
  });

  test("is read from several at once", async () => {
    const names = ["one", "two", "three"];
    expect(
      await Promise.all(names.map((name) => textOf(linesOf(name)))),
    ).toEqual(names);
  });
});

/** Lines as they are seen, from left to right; their right ends are below each other. */
const HEBREW = {
  seen: [
    "Rondo chat runtime לע (125 רפסמ) ךמסמ הז ,םולש",
    "העיבצמ הרושה .החנה 12.5% םע 2024 תנשמ ,++C לעו",
    ".ףוסה הזו ,דומעה לש ולוש דע",
  ],
  read:
    "שלום, זה מסמך (מספר 125) על Rondo chat runtime ועל C++, משנת 2024 עם 12.5% הנחה. השורה מצביעה " +
    "עד שולו של העמוד, וזה הסוף.",
};
/** With the letters' forms, as most files have them, and a ligature. */
const ARABIC = {
  seen: [
    "Rondo chat ﻦﻋ (125 ﻢﻗﺭ) ﺪﻨﺘﺴﻣ ﺍﺬﻫ ،ﻢﻟﺎﻌﻟﺎﺑ ﺎﺒﺣﺮﻣ",
    "ﺎﻤﺑ ﻞﻳﻮﻃ ﺮﻄﺴﻟﺍ .ﺮﻴﻏ ﻻ %12.5 ﻢﺼﺧ ﻊﻣ 2024/05/31 ﻡﺎﻌﻟ",
    ".ﻲﻔﻜﻳ",
  ],
  read:
    "مرحبا بالعالم، هذا مستند (رقم 125) عن Rondo chat لعام 2024/05/31 مع خصم 12.5% لا غير. السطر طويل بما " +
    "يكفي.",
};

/** Draws lines in pieces, as `cut` finds them from left to right. */
function drawn(
  lines: readonly string[],
  cut: RegExp,
  isFromRight = false,
): Shown[] {
  return lines.flatMap((line, i) => {
    const start = 500 - CHARACTER_WIDTH * line.length;
    const pieces = [...line.matchAll(cut)].map(({ 0: characters, index }) => ({
      characters,
      x: start + CHARACTER_WIDTH * index,
      y: 750 - 14 * i,
    }));
    return isFromRight ? pieces.reverse() : pieces;
  });
}

/** How programs write lines from right to left. */
const WAYS: [name: string, draw: (lines: readonly string[]) => Shown[]][] = [
  ["in whole lines as they are seen", (lines) => drawn(lines, /.+/g)],
  ["in words as they are seen", (lines) => drawn(lines, /\S+/g)],
  ["in words as they are read", (lines) => drawn(lines, /\S+/g, true)],
  ["in letters as they are seen", (lines) => drawn(lines, /\S/g)],
  ["in letters as they are read", (lines) => drawn(lines, /\S/g, true)],
];

describe("A PDF in a script from right to left", () => {
  const textOfShown = async (shown: Shown[]) =>
    (await readDocument(pdf(pdfOfShown(shown)))).text;

  test.for(WAYS)("is read in reading order: written %s", async ([, draw]) => {
    expect(await textOfShown(draw(HEBREW.seen))).toBe(HEBREW.read);
    expect(await textOfShown(draw(ARABIC.seen))).toBe(ARABIC.read);
  });

  test("has brackets that are named by what they mean", async () => {
    const shown = [{ characters: "םלוע )125 רפסמ( םולש", x: 50, y: 750 }];
    expect(await textOfShown(shown)).toBe("שלום (מספר 125) עולם");
  });

  test("has rows that begin at the right", async () => {
    const rows = ["םיחופת", "םיסגא"].flatMap((name, i) => [
      { characters: name, x: 400, y: 750 - 14 * i },
      { characters: "Rondo 1.50", x: 100, y: 750 - 14 * i },
    ]);
    expect(await textOfShown(rows)).toBe(
      "תפוחים\tRondo 1.50\nאגסים\tRondo 1.50",
    );
  });

  test("keeps paragraphs of the other direction in theirs", async () => {
    const words = [
      { characters: "The word םולש is Hebrew for peace.", x: 50, y: 780 },
      ...drawn(HEBREW.seen, /\S+/g),
    ];
    expect(await textOfShown(words)).toBe(
      `The word שלום is Hebrew for peace.\n\n${HEBREW.read}`,
    );
  });
});

describe("A PDF without text to read", () => {
  test("is said to be scanned", async () => {
    expect(await reasonOf(pdfOf([]))).toBe("scanned");
  });

  test("is said to be encrypted", async () => {
    expect(await reasonOf(encryptedPdf())).toBe("encrypted");
  });

  test.for([
    ["that is none", "Not a PDF at all."],
    ["that ends at once", "%PDF-1.4\n"],
    ["that is cut short", pdfOf(linesOf("Hello.")).slice(0, 60)],
    [
      "whose pages are not there",
      pdfOfObjects(["<< /Type /Catalog /Pages 9 0 R >>"]),
    ],
    ["of zeros", new Uint8Array(5000)],
  ] as const)("is said to be damaged: one %s", async ([, content]) => {
    expect(await reasonOf(content as BlobPart)).toBe("damaged");
  });

  test("says which file it is and what to do", async () => {
    await expect(
      readDocument(pdf(encryptedPdf(), "letter.pdf")),
    ).rejects.toThrow(
      "“letter.pdf” is protected by a password. Save a copy without one, then choose that.",
    );
  });
});

describe("Reading a PDF", () => {
  let workers: Worker[];
  let terminate: ReturnType<typeof vi.spyOn>;

  beforeEach(() => {
    workers = [];
    const RealWorker = Worker;
    vi.stubGlobal(
      "Worker",
      class extends RealWorker {
        constructor(url: string | URL, options?: WorkerOptions) {
          super(url, options);
          workers.push(this);
        }
      },
    );
    terminate = vi.spyOn(RealWorker.prototype, "terminate");
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  test("uses a worker, and ends it, whether it worked or not", async () => {
    await textOf(linesOf("Hello."));
    await reasonOf("%PDF-");
    expect(workers).toHaveLength(2);
    expect(terminate).toHaveBeenCalledTimes(2);
  });

  test("stops with the signal's reason, and ends the worker", async () => {
    const pages = Array.from({ length: 500 }, () => linesOf("Hello."));
    const stop = new AbortController();
    const reason = new Error("not any more");
    const reading = readDocument(pdf(pdfOf(...pages)), stop.signal);
    await vi.waitFor(() => expect(workers).toHaveLength(1));
    stop.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(terminate).toHaveBeenCalledTimes(1);
  });

  test("fails if the worker does not load, instead of waiting for it", async () => {
    const RealWorker = Worker;
    vi.stubGlobal(
      "Worker",
      class extends RealWorker {
        constructor(_: string | URL, options?: WorkerOptions) {
          super("/no-such-worker.js", options);
        }
      },
    );
    expect(await reasonOf(pdfOf(linesOf("Hello.")))).toBe("unavailable");
  });

  test("runs no script of it and fetches nothing that it names", async () => {
    const beacon = `${location.origin}/beacon`;
    const content = "BT /F1 12 Tf 50 700 Td (Harmless.) Tj ET";
    const hostile = pdfOfObjects([
      "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (fetch\\('/beacon/js'\\)) >> >>",
      "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Unknown /FontDescriptor 7 0 R >>",
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >> " +
        "/Contents 5 0 R /Annots [6 0 R] >>",
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      `<< /Type /Annot /Subtype /Link /Rect [0 0 600 800] /A << /S /URI /URI (${beacon}/link) >> >>`,
      `<< /Type /FontDescriptor /FontName /Unknown /Flags 4 /FontFile << /FS /URL /F (${beacon}/font) >> >>`,
    ]);
    await textOf(linesOf("The library is loaded."));
    performance.clearResourceTimings();
    const { text } = await readDocument(pdf(hostile));
    expect(text).toBe("Harmless.");
    const requests = performance
      .getEntriesByType("resource")
      .map(({ name }) => name)
      .filter((name) => name.includes("/beacon"));
    expect(requests).toEqual([]);
  });
});
