/**
 * Titles and advice for errors shown to users. Errors are told apart by name, since they may have crossed a worker
 * and lost their class.
 */
import { ownValue } from "../../util/own-value";

export interface ErrorDescription {
  title: string;
  /** What to do. */
  advice: string;
  /** The error's own message, where it tells more. */
  detail: string;
  /** Whether the error has advice of its own. */
  isKnown: boolean;
}

const KNOWN: Record<string, Pick<ErrorDescription, "title" | "advice">> = {
  ModelFetchError: {
    title: "The model could not be downloaded",
    advice: "Check the connection, then try again.",
  },
  ModelFormatError: {
    title: "The model’s files are invalid",
    advice:
      "The download may be incomplete, or Rondo does not support this kind of model yet.",
  },
  ModelOutputError: {
    title: "The model’s output is invalid",
    advice: "Load it again, or choose another model.",
  },
  OutOfMemoryError: {
    title: "The GPU has no room for this",
    advice: "Close other tabs and programs that use the GPU, then try again.",
  },
  DeviceLostError: {
    title: "The GPU was lost",
    advice:
      "This happens after sleep or when a driver restarts. Your text is still here: try again.",
  },
  ServerError: {
    title: "The server can’t be used",
    advice: "Chats and messages stay on this device.",
  },
  StoreError: {
    title: "Saved chats could not be read",
    advice: "Saved chats are unchanged.",
  },
  ContextFullError: {
    title: "This chat is full",
    advice:
      "The model’s context has no more room. Continue in a new chat; this one stays in the list.",
  },
};

export function describeError(error: Error): ErrorDescription {
  const known = ownValue(KNOWN, error.name);
  const title = known?.title ?? "Something went wrong";
  const advice = known?.advice ?? "Trying again may help.";
  const isKnown = known !== undefined;
  return { title, advice, detail: error.message, isKnown };
}
