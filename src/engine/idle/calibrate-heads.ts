/**
 * Finds a model's retrieval heads on the built-in chats (calibration-chats.ts): once for a model, either by
 * `npm run calibrate` or in idle time in the page.
 */
import { isGlobal } from "../../model/config/global-layers";
import type { RoundIndex } from "../../model/config/round-index";
import { chatLayout } from "../../model/text/chat-layout";
import { chatTokens } from "../../model/text/chat-tokens";
import { blankRows, textRows } from "../../model/text/text-rows";
import { WHOLE_TOKENS } from "../load/known-heads";
import type { Model } from "../load/load-model";
import type { CalibrationChat } from "../rounds/calibration-chats";
import {
  chooseHeads,
  type HeadCase,
  type HeadChoice,
} from "../rounds/choose-heads";
import type { TokenChat } from "../rounds/head-cases";

/** A chat in the model's tokens. */
export function inTokens(
  { tokenizer, template }: Pick<Model, "tokenizer" | "template">,
  { system, rounds, questions }: CalibrationChat,
): TokenChat {
  const { markers } = tokenizer;
  const tokens = chatTokens(
    tokenizer,
    chatLayout(template, { system, markers }),
  );
  const asked = (text: string) => {
    const place = { isFirst: false };
    return textRows(tokens, tokens.open(text, place), place);
  };
  return {
    system: tokens.prefix,
    rounds: rounds.map(({ user, reply }, i) => [
      ...tokens.open(user, { isFirst: i === 0 }),
      ...tokenizer.encodeText(reply),
      ...tokens.close,
    ]),
    blank: blankRows(tokens),
    questions: questions.map(({ text, kind, source }) => ({
      ...asked(text),
      kind,
      source,
    })),
  };
}

/** Chooses among heads of layers that see all rounds. */
export function headsFrom(
  { network: { config } }: Pick<Model, "network">,
  cases: readonly HeadCase[],
): HeadChoice {
  return chooseHeads(cases, {
    isCandidate: (layer) => isGlobal(config, layer),
  });
}

/** Mean reciprocal rank, on questions that the heads were not chosen on, from which on they may choose rounds. */
const GOOD_ENOUGH = 0.5;

/** The heads that find rounds, or null if the model has none that do. */
export function indexFrom(
  model: Pick<Model, "network">,
  cases: readonly HeadCase[],
): RoundIndex | null {
  const { heads, how, noise, mrr, crossMrr = mrr } = headsFrom(model, cases);
  return crossMrr >= GOOD_ENOUGH
    ? { heads, how, noise, wholeTokens: WHOLE_TOKENS }
    : null;
}
