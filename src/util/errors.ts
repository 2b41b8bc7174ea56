/** The errors that a user can act on. Each message says what happened, where, and what to do. */

/** The page has no WebGPU, or WebGPU has no adapter. */
export class WebGpuUnavailableError extends Error {
  override readonly name = "WebGpuUnavailableError";
}

/** The GPU device was lost: driver reset, sleep, or out of memory. Text is safe; load the model again. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}

/** The GPU has no room for the requested memory. */
export class OutOfMemoryError extends Error {
  override readonly name = "OutOfMemoryError";
}

/** The model computed NaN or infinite logits: its weights are damaged, or the GPU computes wrongly. */
export class ModelOutputError extends Error {
  override readonly name = "ModelOutputError";
}

/** The chat no longer fits the model's context. */
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
  /** The tensor, if the problem is one tensor's. */
  tensor?: string;
  /** The expected value. */
  expected: string;
  /** The value found instead. */
  found: string;
}

/** A model's file is invalid. Names the file, the tensor, what was expected and what was found. */
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
 * Why the store failed.
 *
 * - `quota`: no room on the disk, or the browser grants no more of it
 * - `blocked`: another tab holds an older version of the database open
 * - `outdated`: the database is of a newer version than this page knows
 * - `closed`: the connection was closed, by this page, another tab, or the browser
 * - `missing`: the record to change is gone; another tab may have deleted it
 * - `unavailable`: there is no IndexedDB, or it may not be used here
 * - `failed`: anything else; see the cause
 */
export type StoreErrorReason =
  | "quota"
  | "blocked"
  | "outdated"
  | "closed"
  | "missing"
  | "unavailable"
  | "failed";

/** Chats could not be read or stored. What was stored before is unchanged. */
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

/**
 * Why a server did not answer.
 *
 * - `unreachable`: no answer came: it does not run, or this page may not ask it
 * - `key`: it asks for a key, or refuses the one that it got
 * - `busy`: it has too much to do, or is still starting
 * - `refused`: it does not take the request
 * - `failed`: it failed
 * - `reply`: what it answered is no reply
 */
export type ServerErrorReason =
  "unreachable" | "key" | "busy" | "refused" | "failed" | "reply";

/** A server that runs the model did not answer. The message is in the chat, without a reply. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly reason: ServerErrorReason;

  constructor(reason: ServerErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Another tab writes this chat. Here it can only be read. */
export class ChatBusyError extends Error {
  override readonly name = "ChatBusyError";
}

/** A reply can't be held to this schema: it is none, or says something that a reply can't be held to token by token. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  /** Where in the schema, as a JSON pointer: "#/properties/age". */
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** A file is not a chat that can be imported. */
export class ChatFileError extends Error {
  override readonly name = "ChatFileError";
}

/**
 * Why no text could be read from a file.
 *
 * - `too-large`: it is larger than the limit
 * - `empty`: the file or its text is empty
 * - `binary`: it is neither text nor a supported format
 * - `picture`: it is a picture
 * - `encrypted`: it needs a password
 * - `damaged`: its content does not match its format
 * - `scanned`: a PDF of images, without text
 * - `unreadable`: the browser could not read it; it may be a folder, or deleted
 * - `unavailable`: the part of this page that reads such files failed to load
 */
export type DocumentErrorReason =
  | "too-large"
  | "empty"
  | "binary"
  | "picture"
  | "encrypted"
  | "damaged"
  | "scanned"
  | "unreadable"
  | "unavailable";

/** A file has no text that can be attached. */
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
