import { describe, expect, it } from "vitest";
import {
  MAX_DOCUMENT_BYTES,
  readDocument,
} from "../../src/documents/read-document";
import { DocumentError } from "../../src/util/errors";

const textOf = async (content: BlobPart, name = "a.txt", type = "") =>
  (await readDocument(new File([content], name, { type }))).text;

const reasonOf = (file: File) =>
  readDocument(file).then(
    () => "no error",
    (error: unknown) =>
      error instanceof DocumentError ? error.reason : String(error),
  );

function utf16(text: string, isLittleEndian: boolean): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(2 * text.length));
  for (let i = 0; i < text.length; i++)
    view.setUint16(2 * i, text.charCodeAt(i), isLittleEndian);
  return view.buffer;
}

describe("a file of text", () => {
  it.each([
    ["notes.txt", "text/plain"],
    ["README.md", "text/markdown"],
    ["page.ts", "video/mp2t"],
    ["table.csv", "text/csv"],
    ["data.json", "application/json"],
    ["Makefile", ""],
  ])("is read as it is: %s", async (name, type) => {
    const text = "---\ntitle: x\n---\n\n# <b>Über</b> 日本 🎉\n\n\ta,b\n";
    expect(await readDocument(new File([text], name, { type }))).toEqual({
      name,
      text: text.trimEnd(),
    });
  });

  it("may be UTF-16 that begins with its mark", async () => {
    expect(await textOf(utf16("\uFEFFÜber 🎉", true))).toBe("Über 🎉");
    expect(await textOf(utf16("\uFEFFÜber 🎉", false))).toBe("Über 🎉");
  });

  it("may begin as a PDF does", async () => {
    expect(await textOf("%PDF-1.7 is how a PDF begins.")).toMatch(/^%PDF/);
  });
});

describe("a file that cannot be read", () => {
  it.each([
    ["empty", "empty", ""],
    ["empty", "of blanks", " \r\n\u0007\n"],
    ["binary", "with a NUL", "a\0b"],
    ["binary", "not valid UTF-8", new Uint8Array([0x63, 0x61, 0x66, 0xe9])],
    ["binary", "UTF-16 without a mark", utf16("Hello", true)],
    ["binary", "UTF-16 cut short", utf16("\uFEFFHi", true).slice(0, 5)],
    ["binary", "UTF-32", new Uint8Array([0xff, 0xfe, 0, 0, 0x41, 0, 0, 0])],
    ["too-large", "too large", new Uint8Array(MAX_DOCUMENT_BYTES + 1)],
  ])("is said to be %s: one %s", async (reason, _, content) => {
    expect(await reasonOf(new File([content], "a.txt"))).toBe(reason);
  });

  it("is said to be unreadable where the browser cannot read it", async () => {
    const folder = new File([], "folder");
    Object.defineProperties(folder, {
      size: { value: 4096 },
      arrayBuffer: {
        value: () => Promise.reject(new DOMException("", "NotFoundError")),
      },
    });
    expect(await reasonOf(folder)).toBe("unreadable");
  });

  it("is named, with what to do", async () => {
    const file = new File([new Uint8Array(20_000_001)], "log.txt");
    await expect(readDocument(file)).rejects.toThrow(
      "“log.txt” has 20.1 MB; a document may have at most 20 MB. Choose a part of it.",
    );
  });

  it("is not even opened once it is not wanted any more", async () => {
    const reason = new Error("not any more");
    const file = new File(["text"], "a.txt");
    await expect(readDocument(file, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    );
  });
});
