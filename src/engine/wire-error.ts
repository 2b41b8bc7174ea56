/** Errors keep their class when they cross between worker and page. */
import {
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelFormatError,
  type ModelFormatProblem,
  OutOfMemoryError,
  WebGpuUnavailableError,
} from "../util/errors";
import type { WireError } from "./protocol";

const CLASSES = {
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  OutOfMemoryError,
  WebGpuUnavailableError,
  RangeError,
};

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error) };
  const { name, message, stack } = error;
  return {
    name,
    message,
    stack,
    ...(error instanceof ModelFormatError && { problem: error.problem }),
  };
}

export function fromWire({ name, message, stack, problem }: WireError): Error {
  if (name === "ModelFormatError")
    return new ModelFormatError(problem as ModelFormatProblem);
  if (name === "AbortError") return new DOMException(message, name);
  const Class = name in CLASSES ? CLASSES[name as keyof typeof CLASSES] : Error;
  const error = new Class(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
