/** The errors a user can act on. Each message says what happened, where, and what to do. */

/** The page has no WebGPU, or WebGPU has no adapter. */
export class WebGpuUnavailableError extends Error {
  override readonly name = "WebGpuUnavailableError";
}

/** The GPU was lost: driver reset, sleep, or out of memory. Text is safe; load the model again. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}

/** The GPU has no room for what was asked. */
export class OutOfMemoryError extends Error {
  override readonly name = "OutOfMemoryError";
}

/** What the model computes is not a number: its weights are damaged, or the GPU computes wrongly. */
export class ModelOutputError extends Error {
  override readonly name = "ModelOutputError";
}

/** The chat does not fit the model's context any more. */
export class ContextFullError extends Error {
  override readonly name = "ContextFullError";
}

/** A file of the model could not be fetched. */
export class ModelFetchError extends Error {
  override readonly name = "ModelFetchError";
}

/** Where a model's files differ from what the runtime understands. */
export interface ModelFormatProblem {
  /** The file, as named in the model's folder. */
  file: string;
  /** The tensor, where the problem is one tensor's. */
  tensor?: string;
  /** What was expected there. */
  expected: string;
  /** What was found instead. */
  found: string;
}

/** A model's file is not what it should be. Names the file, the tensor, what was expected and what came. */
export class ModelFormatError extends Error {
  override readonly name = "ModelFormatError";
  readonly problem: ModelFormatProblem;

  constructor(problem: ModelFormatProblem) {
    const where =
      problem.tensor === undefined
        ? problem.file
        : `${problem.file}, tensor ${problem.tensor}`;
    super(`${where}: expected ${problem.expected}, found ${problem.found}.`);
    this.problem = problem;
  }
}

/**
 * Why the store could not do something.
 *
 * - `quota`: no room on the disk, or the browser grants no more of it
 * - `blocked`: another tab holds an older version of the database open
 * - `outdated`: the database is of a newer version than this page knows
 * - `closed`: the connection is gone, by this page, another tab, or the browser
 * - `missing`: what should be changed is not there; another tab may have deleted it
 * - `unavailable`: there is no IndexedDB, or it may not be used here
 * - `failed`: anything else; the cause tells
 */
export type StoreErrorReason =
  | "quota"
  | "blocked"
  | "outdated"
  | "closed"
  | "missing"
  | "unavailable"
  | "failed";

/** Chats could not be read or kept. What was stored before is as it was. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly reason: StoreErrorReason;

  constructor(
    reason: StoreErrorReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
  }
}

/** Another tab writes this chat. What was said stays readable here. */
export class ChatBusyError extends Error {
  override readonly name = "ChatBusyError";
}

/** A file is not a chat that can be imported. */
export class ChatFileError extends Error {
  override readonly name = "ChatFileError";
}

/**
 * Why a file gave no text.
 *
 * - `too-large`: it has more bytes than may be read
 * - `empty`: nothing is in it, or no text
 * - `binary`: it is neither text nor of a kind that can be read
 * - `encrypted`: it opens with a password only
 * - `damaged`: it is not what it says it is
 * - `scanned`: a PDF of pictures, without text
 * - `unreadable`: the browser could not read it; it may be a folder, or gone
 * - `unavailable`: the part of this page that reads such files did not load
 */
export type DocumentErrorReason =
  | "too-large"
  | "empty"
  | "binary"
  | "encrypted"
  | "damaged"
  | "scanned"
  | "unreadable"
  | "unavailable";

/** A file cannot be made into a document's text. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
  readonly reason: DocumentErrorReason;

  constructor(
    reason: DocumentErrorReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
  }
}
