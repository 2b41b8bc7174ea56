/** Converts errors for the way between worker and page, so that they keep their class. */
import {
  ChatBusyError,
  ChatFileError,
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelFormatError,
  type ModelFormatProblem,
  ModelOutputError,
  OutOfMemoryError,
  SchemaError,
  ServerError,
  type ServerErrorReason,
  StoreError,
  type StoreErrorReason,
  WebGpuUnavailableError,
} from "../../util/errors";
import { ownValue } from "../../util/own-value";
import type { WireError } from "./protocol";

const CLASSES: Record<string, new (message: string) => Error> = {
  ChatBusyError,
  ChatFileError,
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelOutputError,
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
    ...(error instanceof SchemaError && { path: error.path }),
    ...(error instanceof StoreError && { reason: error.reason }),
    ...(error instanceof ServerError && { reason: error.reason }),
  };
}

export function fromWire(wire: WireError): Error {
  const error = ofItsClass(wire);
  // A DOMException keeps its own class: the platform's.
  if (wire.stack !== undefined && !(error instanceof DOMException))
    error.stack = wire.stack;
  return error;
}

function ofItsClass({
  name,
  message,
  path,
  problem,
  reason,
}: WireError): Error {
  if (name === "ModelFormatError")
    return new ModelFormatError(problem as ModelFormatProblem);
  if (name === "SchemaError") return new SchemaError(path ?? "#", message);
  if (name === "StoreError")
    return new StoreError((reason ?? "failed") as StoreErrorReason, message);
  if (name === "ServerError")
    return new ServerError((reason ?? "failed") as ServerErrorReason, message);
  if (name === "AbortError") return new DOMException(message, name);
  const Class = ownValue(CLASSES, name) ?? Error;
  return new Class(message);
}
