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

const latin = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const hex = (bytes: string) =>
  bytes.match(/../g)!.map((byte) => parseInt(byte, 16));

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

  const guesses: [encoding: string, bytes: number[], text: string][] = [
    [
      "windows-1252",
      latin("Name;Stadt\nM\xfcller;K\xf6ln"),
      "Name;Stadt\nMüller;Köln",
    ],
    ["windows-1252", latin("caf\xe9"), "café"],
    [
      "windows-1252",
      latin("It costs \x80 5, \x93quoted\x94."),
      "It costs € 5, “quoted”.",
    ],
    [
      "gb18030",
      hex("d0d5c3fb2cb3c7cad00ad5c5c8fd2cb1b1bea9"),
      "姓名,城市\n张三,北京",
    ],
    [
      "shift_jis",
      hex("96bc914f2c93738e730a936392862c938c8b9e"),
      "名前,都市\n田中,東京",
    ],
    ["euc-kr", hex("c0ccb8a72cb5b5bdc30ab1e82cbcadbfef"), "이름,도시\n김,서울"],
    ["big5", hex("a96da6572cabb0a5ab"), "姓名,城市"],
    [
      "windows-1251",
      hex("c8ecff3bc3eef0eee40ac8e2e0ed3bcceef1eae2e0"),
      "Имя;Город\nИван;Москва",
    ],
    [
      "koi8-r",
      hex("e9cdd13be7cfd2cfc420c920c5dda320cec5cdcecfc7cf20d3cccfd7"),
      "Имя;Город и ещё немного слов",
    ],
  ];
  it.each(guesses)(
    "may be in %s, which is guessed and said",
    async (encoding, bytes, text) => {
      const file = new File([new Uint8Array(bytes)], "a.csv");
      expect(await readDocument(file)).toEqual({
        name: `a.csv (read as ${encoding}, a guess)`,
        text,
      });
    },
  );

  it("may be UTF-16 without a mark", async () => {
    for (const isLittleEndian of [true, false])
      for (const text of ["Hello there, über.", "姓名，城市\n张三，北京"]) {
        const read = await readDocument(
          new File([utf16(text, isLittleEndian)], "a.txt"),
        );
        expect(read.text).toBe(text);
        expect(read.name).toMatch(/utf-16[lb]e, a guess/);
      }
  });

  it.each([
    '<?xml version="1.0" encoding="ISO-8859-1"?><a>caf\xe9</a>',
    "# -*- coding: latin-1 -*-\nname = 'caf\xe9'",
    "#!/usr/bin/python\n# vim: set fileencoding=iso-8859-1 :\n# caf\xe9",
    '@charset "iso-8859-1"; /* caf\xe9 */',
  ])("may declare its encoding: %s", async (text) => {
    const file = new File([new Uint8Array(latin(text))], "a.xml");
    expect(await readDocument(file)).toEqual({ name: "a.xml", text });
  });

  it("may have a NUL in a long text, or its last character cut", async () => {
    expect(await textOf(`${"line\n".repeat(300)}a\0b`)).toMatch(/ab$/);
    const cut = new TextEncoder().encode("Grüße 日本").slice(0, -1);
    expect(await textOf(cut)).toBe("Grüße 日");
    expect(await textOf(utf16("\uFEFFHi", true).slice(0, 5))).toBe("H");
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
    ["binary", "of noise", new Uint8Array(3000).map((_, i) => (i * 7919) >> 3)],
    ["picture", "a picture", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10])],
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
