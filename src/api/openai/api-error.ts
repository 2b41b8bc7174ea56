/** Errors in the form that clients of OpenAI's API know. */

/** What is sent as `{ error }`. */
export interface ErrorBody {
  message: string;
  type: "invalid_request_error" | "server_error";
  /** The field that is wrong, such as `messages[2].role`. */
  param: string | null;
  code: string | null;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  /** As over HTTP. */
  readonly status: number;
  readonly error: ErrorBody;

  constructor(
    status: number,
    message: string,
    { param = null, code = null }: Partial<ErrorBody> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    const type = status < 500 ? "invalid_request_error" : "server_error";
    this.error = { message, type, param, code };
  }

  get type(): string {
    return this.error.type;
  }

  get param(): string | null {
    return this.error.param;
  }

  get code(): string | null {
    return this.error.code;
  }
}

/** A field of the request is not what it must be, or is not known. */
export function badField(
  param: string,
  message: string,
  code: "invalid_value" | "unsupported_parameter" | "unknown_parameter",
): ApiError {
  return new ApiError(400, message, { param, code });
}

type Failure = [status: number, fields?: Partial<ErrorBody>];

/** Errors of the engine, by name: they may come from a worker. */
const FAILURES = new Map<string, Failure>([
  [
    "ContextFullError",
    [400, { param: "messages", code: "context_length_exceeded" }],
  ],
  ["RangeError", [400]],
  ["SchemaError", [400, { param: "response_format", code: "invalid_value" }]],
  ["OutOfMemoryError", [503, { code: "out_of_memory" }]],
  ["DeviceLostError", [503, { code: "device_lost" }]],
  ["WebGpuUnavailableError", [503, { code: "no_webgpu" }]],
]);

/** What the engine has thrown, as clients know it. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const known = error instanceof Error;
  const [status, fields] = (known && FAILURES.get(error.name)) || [500];
  const message = known ? error.message : String(error);
  return new ApiError(status, message, fields, { cause: error });
}
