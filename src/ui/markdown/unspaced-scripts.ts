/**
 * Emphasis and addresses in scripts that put no spaces between words. Markdown asks for a space or a letter at either
 * side of an asterisk, and lets an address run on to the next space; Chinese, Japanese, Korean or Thai text has
 * neither.
 */
import { Tokenizer, type MarkedExtension, type Tokens } from "marked";

const UNSPACED_LETTER = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc`;
/** CJK symbols and full-width forms, without letters and the ideographic space. */
const WIDE_MARK = String.raw`\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030\u303d\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65`;
const UNSPACED = `[${UNSPACED_LETTER}${WIDE_MARK}]`;

const HAS_UNSPACED = new RegExp(UNSPACED, "u");
const ANY_WIDE_MARK = new RegExp(`[${WIDE_MARK}]`, "gu");
/** A mark between emphasis and unspaced text, such as the quote in `**"term"**是`. */
const MARK_BESIDE = new RegExp(
  String.raw`[^\P{P}*_~\x60\\](?=[*~]+${UNSPACED})|(?<=${UNSPACED}[*~]+)[^\P{P}*_~\x60\\]`,
  "gu",
);

/**
 * A text as the rules of emphasis should read it: marks beside unspaced text are letters. As long as the text, which
 * marked relies on.
 */
function withLettersForMarks(text: string): string {
  return text.replace(MARK_BESIDE, "x").replace(ANY_WIDE_MARK, "x");
}

/** The start of an address, up to white space. */
const ADDRESS = /^(?:https?:\/\/|ftp:\/\/|www\.)[^\s<]*/i;
/**
 * Where the sentence goes on behind an address: at a wide mark or a quote; at an unspaced letter behind an ASCII
 * letter or digit, or right behind the host. A path or query in such letters begins behind its own delimiter.
 */
const SENTENCE = new RegExp(
  String.raw`[${WIDE_MARK}\u2018-\u201f\u2026\u00ab\u00bb]|(?<=[a-z\d])[${UNSPACED_LETTER}]|(?<=^(?:https?:\/\/|ftp:\/\/)?[a-z\d.:-]+\/)[${UNSPACED_LETTER}]`,
  "iu",
);

/** The length of the address at the beginning of a text; 0 for none. */
export function addressLength(text: string): number {
  const address = ADDRESS.exec(text)?.[0] ?? "";
  const end = address.search(SENTENCE);
  return end < 0 ? address.length : end;
}

type Emphasis = Tokens.Em | Tokens.Strong | Tokens.Del;
type Given = [src: string, masked: string, previous?: string];

/** For marked. */
export function unspacedScripts(): MarkedExtension {
  let last = { masked: "", letters: "" };
  /** @param rule one of marked's, which finds where emphasis ends */
  function emphasis<Found extends Emphasis>(
    tokenizer: Tokenizer,
    [src, masked, previous = ""]: Given,
    rule: (finder: Tokenizer, ...args: Required<Given>) => Found | undefined,
  ): Found | undefined | false {
    if (masked !== last.masked) {
      const letters = HAS_UNSPACED.test(masked)
        ? withLettersForMarks(masked)
        : masked;
      last = { masked, letters };
    }
    const { letters } = last;
    // Then marked's own rules do.
    if (letters === masked) return false;
    const from = masked.length - src.length;
    // What is inside is read once, below.
    const finder = Object.create(tokenizer, {
      lexer: { value: { inlineTokens: () => [] } },
    }) as Tokenizer;
    const found = rule(
      finder,
      letters.slice(from),
      letters,
      previous === "" ? "" : letters.slice(0, from).slice(-1),
    );
    if (found === undefined) return undefined;
    const raw = src.slice(0, found.raw.length);
    const edge = (found.raw.length - found.text.length) / 2;
    const text = raw.slice(edge, -edge);
    return { ...found, raw, text, tokens: tokenizer.lexer.inlineTokens(text) };
  }

  return {
    tokenizer: {
      emStrong(...given) {
        return emphasis(this, given, (finder, ...args) =>
          Tokenizer.prototype.emStrong.apply(finder, args),
        );
      },
      del(...given) {
        return emphasis(this, given, (finder, ...args) =>
          Tokenizer.prototype.del.apply(finder, args),
        );
      },
      url(src) {
        const length = addressLength(src);
        if (length === 0 || length === ADDRESS.exec(src)?.[0].length)
          return false;
        return Tokenizer.prototype.url.call(this, src.slice(0, length));
      },
    },
  };
}
