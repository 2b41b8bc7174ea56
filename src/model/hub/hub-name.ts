/** Names of models on the Hugging Face hub: `org/name`, or `org/name/file.gguf` for one of several files. */
import { firstGgufPart } from "../files/gguf-parts";

export interface HubName {
  /** "org/name" */
  repository: string;
  /** The GGUF file, or its first part, if the name includes one; folders within the repository are part of it. */
  file: string | undefined;
}

const PART = "[A-Za-z0-9][\\w.-]*";
const NAME = new RegExp(
  `^(${PART}/${PART})(?:/((?:${PART}/)*${PART}\\.gguf))?$`,
);

/** Undefined if it is no such name: an address begins with a scheme, a slash or a dot, or ends with a slash. */
export function hubName(source: string): HubName | undefined {
  const found = NAME.exec(source.trim());
  if (found === null) return undefined;
  const [, repository, file] = found;
  return { repository: repository!, file: file && firstGgufPart(file) };
}
