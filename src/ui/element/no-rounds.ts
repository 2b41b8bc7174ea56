/** Shown in `<rondo-chat>` where there are no rounds: a welcome, or the reason. */
import { html, nothing } from "lit";
import { nameOfSource } from "../state/models/model-request";
import { isTiny, offeredModel } from "../state/models/offered-model";
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
  session: Session,
  examples: readonly string[],
  mayChooseModel: boolean,
) {
  const { loading, state } = session;
  const request = loading.answering ?? loading.request;
  const mayOffer = mayChooseModel && state === "ready" && isTiny(request);
  const device = loading.model?.device;
  return html`
    <div class="welcome">
      <slot name="welcome"
        ><rondo-welcome
          .modelName=${isTiny(request) ? "" : nameOfSource(request!.source)}
          .offer=${mayOffer && device ? offeredModel(device, memoryOfDevice()) : undefined}
          .isOnCpu=${session.tellsOfCpu}
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

/** As far as the browser tells: in steps, and 8 GB at most. */
function memoryOfDevice(): number | undefined {
  const { deviceMemory } = navigator as { deviceMemory?: number };
  return deviceMemory && deviceMemory * 2 ** 30;
}

function failure(error: Error) {
  return html`<rondo-load-failure
    label="Try again"
    .error=${error}
    .request=${{ type: "reopen" } satisfies ChatRequest}
  ></rondo-load-failure>`;
}
