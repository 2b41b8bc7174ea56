/** Shown in `<rondo-chat>` where there are no rounds: a welcome, or the reason. */
import { html, nothing } from "lit";
import { EMBEDDED_ID } from "../state/models/known-models";
import { nameOfSource, sourceOf } from "../state/models/model-request";
import type { ChatRequest } from "../state/request";
import type { Session } from "../state/page-state";

export function noRounds(
  session: Session,
  examples: readonly string[],
  mayChooseModel: boolean,
) {
  const { current, loading, state, visit } = session;
  if (current.isNew && state === "unavailable")
    return html`<rondo-unavailable
      .error=${loading.error}
    ></rondo-unavailable>`;
  if (current.isNew) return welcome(session, examples, mayChooseModel);
  if (visit.isOpening) return html`<p class="opening">Opening…</p>`;
  if (current.openError !== undefined) return failure(current.openError);
  if (current.summary === undefined) return nothing;
  return html`<p class="opening">This chat is empty.</p>`;
}

function welcome(
  { loading, state }: Session,
  examples: readonly string[],
  mayChooseModel: boolean,
) {
  const { source } = loading.answering ?? loading.request ?? {};
  const isTiny = source === undefined || source === sourceOf(EMBEDDED_ID);
  return html`
    <div class="welcome">
      <slot name="welcome"
        ><rondo-welcome
          .modelName=${isTiny ? "" : nameOfSource(source)}
          .offersModels=${mayChooseModel && state !== "failed" && state !== "idle"}
        ></rondo-welcome
      ></slot>
      <rondo-examples
        exportparts="example"
        .examples=${examples}
      ></rondo-examples>
    </div>
  `;
}

function failure(error: Error) {
  return html`<rondo-load-failure
    label="Try again"
    .error=${error}
    .request=${{ type: "reopen" } satisfies ChatRequest}
  ></rondo-load-failure>`;
}
