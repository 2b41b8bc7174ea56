/** Evaluating in the inspected page, and why that may fail. */

/** The part of chrome.devtools.inspectedWindow used here. */
export interface InspectedWindow {
  eval(
    expression: string,
    callback: (result: unknown, exceptionInfo?: EvalFailure) => void,
  ): void;
}

/** DevTools could not evaluate (`isError`), or the evaluated code threw (`isException`). */
export type EvalFailure =
  Partial<chrome.devtools.inspectedWindow.EvaluationExceptionInfo>;

/**
 * Evaluates an expression in the page; the value is a JSON value.
 *
 * @throws Error with the reason in a sentence
 */
export function evaluate(
  window: InspectedWindow,
  expression: string,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    window.eval(expression, (result, failure) => {
      if (failure?.isError || failure?.isException)
        reject(new Error(reasonOf(failure)));
      else resolve(result);
    });
  });
}

function reasonOf(failure: EvalFailure): string {
  const { isError, description = "", details = [], value } = failure;
  if (!isError) return `The page threw: ${String(value).slice(0, 300)}`;
  const parts = (details as unknown[]).map(String);
  const said = description.replace(/%s/g, () => parts.shift() ?? "");
  return `Pages of the browser, and pages without an address, can't be inspected. (${said})`;
}
