/** Progress, result or failure of a verification, beside its button. */
import { html, nothing } from "lit";
import { MemoryRequestEvent } from "../base/memory-request";
import { reportOn, type VerificationState } from "./verification";
import { verifySentences } from "./verify-words";

export function verifySection(
  verification: VerificationState,
  chatId: string,
  roundId: number,
) {
  const { error, progress } = verification;
  const isThis =
    verification.chatId === chatId && verification.roundId === roundId;
  if (isThis && progress) return running(progress);
  if (isThis && error !== undefined)
    return html`<p class="alert">
      It could not be verified. ${error.message}
    </p>`;
  const report = reportOn(verification, chatId, roundId);
  return report === undefined
    ? nothing
    : html`<div class="verified">
        ${verifySentences(report).map((sentence) => html`<p>${sentence}</p>`)}
      </div>`;
}

function running({
  doneTokens,
  totalTokens,
}: NonNullable<VerificationState["progress"]>) {
  const isKnown = totalTokens > 0;
  return html`
    <div class="actions">
      <progress
        aria-label="Verifying"
        max=${isKnown ? totalTokens : nothing}
        value=${isKnown ? doneTokens : nothing}
      ></progress>
      <span class="figure note">
        ${isKnown ? `${doneTokens} of ${totalTokens} tokens` : "Starting…"}
      </span>
      <button class="small" type="button" @click=${cancel}>Cancel</button>
    </div>
  `;
}

function cancel({ currentTarget }: Event): void {
  currentTarget?.dispatchEvent(
    new MemoryRequestEvent({ type: "cancel-verify" }),
  );
}
