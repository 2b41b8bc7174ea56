/**
 * Errors in the user's words: what happened, and what helps. An error may have crossed a worker, so its
 * name says what it is, not its class.
 */
import { ownValue } from "../../util/own-value";

export interface ErrorDescription {
  title: string;
  /** What to do. */
  advice: string;
  /** The error's own message, where it tells more. */
  detail: string;
  /** Whether it is one of those that we know how to mend. */
  isKnown: boolean;
}

const KNOWN: Record<string, Pick<ErrorDescription, "title" | "advice">> = {
  ModelFetchError: {
    title: "The model could not be fetched",
    advice: "Check the connection, then try again.",
  },
  ModelFormatError: {
    title: "The model’s files are not what they should be",
    advice:
      "Its download may be incomplete, or it is a kind of model that Rondo cannot run yet.",
  },
  ModelOutputError: {
    title: "The model computes nothing usable",
    advice: "Load it again, or choose another model.",
  },
  OutOfMemoryError: {
    title: "The GPU has no room for this",
    advice: "Close other tabs and programs that use the GPU, then try again.",
  },
  DeviceLostError: {
    title: "The GPU was taken away",
    advice:
      "This happens after sleep or when a driver restarts. Everything you wrote is still here: try again to go on.",
  },
  StoreError: {
    title: "The chats of this browser could not be read",
    advice: "What was kept before is as it was.",
  },
  ContextFullError: {
    title: "This chat is full",
    advice:
      "The model cannot take in more of it. Go on in a new chat; this one stays in the list.",
  },
};

export function describeError(error: Error): ErrorDescription {
  const known = ownValue(KNOWN, error.name);
  const title = known?.title ?? "Something went wrong";
  const advice = known?.advice ?? "Trying again may help.";
  const isKnown = known !== undefined;
  return { title, advice, detail: error.message, isKnown };
}
