/** Names of models on the Hugging Face hub: `org/name`, or `org/name/file.gguf` for one of several files. */

export interface HubName {
  /** "org/name" */
  repository: string;
  /** The GGUF file, if the name includes one; folders within the repository are part of it. */
  file: string | undefined;
}

const PART = "[A-Za-z0-9][\\w.-]*";
const NAME = new RegExp(
  `^(${PART}/${PART})(?:/((?:${PART}/)*${PART}\\.gguf))?$`,
);

/** Undefined if it is no such name: an address begins with a scheme, a slash or a dot, or ends with a slash. */
export function hubName(source: string): HubName | undefined {
  const found = NAME.exec(source.trim());
  return found ? { repository: found[1]!, file: found[2] } : undefined;
}
