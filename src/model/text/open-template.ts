/** Finds the template that a model chats with: its own, or that of its family where its own does not work. */
import { ModelFormatError } from "../../util/errors";
import type { ModelFiles } from "../files/model-files";
import { chatLayout } from "./chat-layout";
import {
  ChatTemplate,
  readTemplateText,
  type TemplateText,
} from "./chat-template";
import { type FamilyTurns, familyTurns } from "./family-turns";
import type { Tokenizer } from "./tokenizer";

/**
 * The model's template, if it renders rounds that a chat can be made of; otherwise its family's, with a note that
 * says so.
 *
 * @throws ModelFormatError for files that are not what they should be, ModelFetchError; the signal's reason
 */
export async function openTemplate(
  files: ModelFiles,
  tokenizer: Pick<Tokenizer, "markers">,
  signal?: AbortSignal,
): Promise<ChatTemplate> {
  const text = await readTemplateText(files, signal);
  const own = workingTemplate(text, tokenizer.markers);
  if (own instanceof ChatTemplate) return own;
  const turns = familyTurns(tokenizer);
  const { template, stopTexts } = turns;
  const note = noteOn(turns, own);
  return new ChatTemplate(template, text.tokens, {
    file: text.file,
    stopTexts,
    note,
  });
}

/** The model's own; what is wrong with it if it can't be used; undefined if there is none. */
function workingTemplate(
  { source, file, tokens }: TemplateText,
  markers: readonly string[],
): ChatTemplate | ModelFormatError | undefined {
  if (source === undefined) return undefined;
  try {
    const template = new ChatTemplate(source, tokens, { file });
    chatLayout(template, { markers });
    return template;
  } catch (error) {
    if (error instanceof ModelFormatError) return error;
    throw error;
  }
}

function noteOn({ owner }: FamilyTurns, fault: ModelFormatError | undefined) {
  const found =
    fault === undefined
      ? "No chat template in the model's files"
      : `The model's chat template does not work (${fault.problem.file}: expected ${fault.problem.expected}, found ${fault.problem.found})`;
  return `${found}: ${owner} turns are used.`;
}
