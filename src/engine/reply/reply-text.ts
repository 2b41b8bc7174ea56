/** A reply's text as its tokens come. It ends before stop texts; log-probabilities come with the text of their tokens. */
import { StopText } from "../../model/text/stop-text";
import { TextStream } from "../../model/text/text-stream";
import type { Tokenizer } from "../../model/text/tokenizer";
import type { TextEvent, TokenLogprobs } from "../api/replies";
import type { DrawnLogprobs } from "../run/logprob-reader";
import type { DrawnToken } from "./reply";

export class ReplyText {
  readonly #tokenizer: Pick<Tokenizer, "decode" | "isText">;
  readonly #text: TextStream;
  readonly #stops: StopText;
  /** Of tokens whose text is still to come, with the number of each token. */
  readonly #pending: { token: number; logprobs: TokenLogprobs }[] = [];
  #tokens = 0;

  /** @param stopTexts none of them empty */
  constructor(
    tokenizer: Pick<Tokenizer, "decode" | "isText">,
    stopTexts: readonly string[],
  ) {
    this.#tokenizer = tokenizer;
    this.#text = new TextStream(tokenizer);
    this.#stops = new StopText(stopTexts);
  }

  /** Once a stop text has come: how many of the reply's tokens came before it. */
  get keptTokens(): number | undefined {
    return this.#stops.keptTokens;
  }

  /** What the next token adds, if that is clear already. */
  push({ token, logprobs }: DrawnToken): TextEvent | undefined {
    const number = this.#tokens++;
    if (logprobs)
      this.#pending.push({
        token: number,
        logprobs: this.#named(token, logprobs),
      });
    return this.#event(this.#stops.push(this.#text.push(token)));
  }

  /** What was held back, once the reply has ended. */
  end(): TextEvent | undefined {
    const text = this.#stops.push(this.#text.end()) + this.#stops.end();
    const kept = this.#stops.keptTokens ?? this.#tokens;
    return this.#event(text, kept, true);
  }

  /** @param released how many tokens are part of the reply's text so far */
  #event(
    text: string,
    released = this.#stops.releasedTokens ?? this.#tokens,
    isEnd = false,
  ): TextEvent | undefined {
    if (text === "" && !isEnd) return undefined;
    const clear = this.#pending.filter(({ token }) => token < released);
    if (text === "" && clear.length === 0) return undefined;
    this.#pending.splice(0, clear.length);
    return clear.length === 0
      ? { type: "text", text }
      : { type: "text", text, logprobs: clear.map((one) => one.logprobs) };
  }

  #named(token: number, { drawn, top }: DrawnLogprobs): TokenLogprobs {
    const named = (id: number, logprob: number) => ({
      token: id,
      text: this.#tokenizer.decode([id]),
      logprob,
    });
    return {
      ...named(token, drawn),
      top: top.map((one) => named(one.token, one.logprob)),
    };
  }
}
