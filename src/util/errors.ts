/** The errors a user can act on. Each message says what happened, where, and what to do. */

/** The page has no WebGPU, or WebGPU has no adapter. */
export class WebGpuUnavailableError extends Error {
  override readonly name = "WebGpuUnavailableError";
}

/** The GPU was taken away: driver reset, sleep, or out of memory. Text is safe; load the model again. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}

/** The GPU has no room for what was asked. */
export class OutOfMemoryError extends Error {
  override readonly name = "OutOfMemoryError";
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
