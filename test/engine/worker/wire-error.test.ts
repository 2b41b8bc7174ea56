import { expect, test } from "vitest";
import { fromWire, toWire } from "../../../src/engine/worker/wire-error";
import {
  ContextFullError,
  DeviceLostError,
  ModelFetchError,
  ModelFormatError,
  ModelOutputError,
  OutOfMemoryError,
  SchemaError,
  WebGpuUnavailableError,
} from "../../../src/util/errors";

const problem = {
  file: "model.safetensors",
  tensor: "model.norm.weight",
  expected: "shape [192]",
  found: "shape [64]",
};

test.each([
  new ContextFullError("full"),
  new DeviceLostError("lost"),
  new ModelFetchError("404"),
  new ModelFormatError(problem),
  new ModelOutputError("NaN"),
  new OutOfMemoryError("no room"),
  new WebGpuUnavailableError("none"),
  new RangeError("sampler.topP"),
  new Error("else"),
  new DOMException("stopped", "AbortError"),
])("$name keeps its class and message", (error) => {
  const there = fromWire(structuredClone(toWire(error)));
  expect(there).toBeInstanceOf(error.constructor);
  expect(there.name).toBe(error.name);
  expect(there.message).toBe(error.message);
});

test("a format error keeps what it says of the file", () => {
  const there = fromWire(toWire(new ModelFormatError(problem)));
  expect("problem" in there && there.problem).toEqual(problem);
});

test("a schema's error keeps its place", () => {
  const there = fromWire(toWire(new SchemaError("#/items", "no schema")));
  expect(there).toBeInstanceOf(SchemaError);
  expect(there).toMatchObject({ path: "#/items", message: "no schema" });
});

test("what is thrown without being an error still arrives", () => {
  expect(fromWire(toWire("just text")).message).toBe("just text");
});

test.each(["constructor", "__proto__", "toString", "hasOwnProperty"])(
  "an error that calls itself %s arrives as an error with its message",
  (name) => {
    const there = fromWire({ name, message: "what went wrong" });
    expect(there).toBeInstanceOf(Error);
    expect(there.message).toBe("what went wrong");
  },
);
