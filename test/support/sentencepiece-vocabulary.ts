/**
 * Made-up vocabularies of SentencePiece's kind as metadata of GGUF files, the same each time: what llama.cpp makes
 * of texts with them is in test/golden/llama-cpp-tokens.json (tools/oracle).
 *
 * The tokens are parts of a few sentences. Their scores have nothing to do with their ids, and many have the same.
 */
import type { GgufEntry } from "./gguf-file";
import { seededRandom } from "./random";

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

const SENTENCES =
  "the cat and the hen sat in the long hall. where is my blue kettle? it's 1,204 steps to the café; naïve. " +
  "где мой синий чайник? 青いやかんはどこですか。 {x + 1;} ééé aaaa";
const LONGEST = 5;

/** Texts with what SentencePiece does in another way than others. */
export const TEXTS = [
  "the cat sat in the hall",
  " the hen",
  "the hen ",
  "   hall",
  "a  b   c    d     e",
  "the\nhall\n\nand\n\n\nthe\n\n\n\nhen",
  "\n",
  " ",
  "",
  "\tthe\t\thall",
  "where is my blue kettle? it's 1,204 steps",
  "thethethethe aaaaaaaaaaaa aaaaaaa",
  "ééééééééé naïve café",
  "где мой чайник, где он",
  "青いやかんはどこ 青い",
  "Zürich 🙂 👩‍👧 𓀀 \u00a0x\u2003y",
  "<b>the</b> <i>hen</i> <b >",
  "▁the ▁ cat",
  "<0x41> <0x0A>",
  "{x + 1;} // ééé",
  "llllllhhhhhheeeee",
  "\r\nthe\r\n",
];

/** Texts of a template. */
export const TURNS = [
  "<bos><start_of_turn>user\nthe hen<end_of_turn>\n<start_of_turn>model\n",
  "<start_of_turn> the hen <end_of_turn> the",
];

/** @param hasLead whether a space is put before a text, as in Llama 2, or not, as in Gemma */
export function sentencePieceVocabulary(
  hasLead: boolean,
): [key: string, entry: GgufEntry][] {
  const random = seededRandom(5);
  const tokens: [text: string, score: number, type: number][] = [
    ["<pad>", -1000, CONTROL],
    ["<eos>", -1000, CONTROL],
    ["<bos>", -1000, CONTROL],
    ["<unk>", -1000, UNKNOWN],
    ["<start_of_turn>", -1000, CONTROL],
    ["<end_of_turn>", -1000, CONTROL],
    ...["\n", "\n\n", "\n\n\n", "  ", "   ", "<b>", "</b>"].map(
      (text): [string, number, number] => [text, -1000, USER_DEFINED],
    ),
    ...Array.from({ length: 256 }, (_, byte): [string, number, number] => [
      `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
      0,
      BYTE,
    ]),
    ...parts(SENTENCES.replaceAll(" ", "▁")).map(
      (text): [string, number, number] => [
        text,
        -Math.floor(random() * 200),
        NORMAL,
      ],
    ),
  ];
  return [
    ["tokenizer.ggml.model", ["string", "llama"]],
    ["tokenizer.ggml.pre", ["string", "default"]],
    ["tokenizer.ggml.tokens", ["string[]", tokens.map(([text]) => text)]],
    ["tokenizer.ggml.scores", ["f32[]", tokens.map(([, score]) => score)]],
    ["tokenizer.ggml.token_type", ["i32[]", tokens.map(([, , type]) => type)]],
    ["tokenizer.ggml.bos_token_id", ["u32", 2]],
    ["tokenizer.ggml.eos_token_id", ["u32", 1]],
    ["tokenizer.ggml.unknown_token_id", ["u32", 3]],
    ["tokenizer.ggml.padding_token_id", ["u32", 0]],
    ["tokenizer.ggml.add_bos_token", ["bool", true]],
    ["tokenizer.ggml.add_space_prefix", ["bool", hasLead]],
  ];
}

/** Half of all the parts of a text, each once. */
function parts(text: string): string[] {
  const random = seededRandom(7);
  const characters = [...text];
  const found = new Set<string>();
  for (let length = 1; length <= LONGEST; length++)
    for (let at = 0; at + length <= characters.length; at++)
      if (length === 1 || random() < 0.5)
        found.add(characters.slice(at, at + length).join(""));
  return [...found];
}
