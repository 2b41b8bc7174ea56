/** Code that is fetched when it is first needed, so that a page starts with less. */

const notLoaded = (cause: unknown) =>
  new Error(
    "Code that this needs did not load. Check the connection and reload the page.",
    { cause },
  );

/**
 * The function that `load` fetches.
 *
 * @param asError what it throws if that fails, besides what the function itself throws
 */
export function lazyPart<Args extends unknown[], Result>(
  load: () => Promise<(...args: Args) => Result | Promise<Result>>,
  asError: (cause: unknown) => Error = notLoaded,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const run = await load().catch((cause: unknown) => {
      throw asError(cause);
    });
    return run(...args);
  };
}
