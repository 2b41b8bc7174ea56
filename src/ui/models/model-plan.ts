import { css, html, LitElement, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import type {
  Misfit,
  ModelPlan,
  ModelSource,
  PlanOptions,
} from "../../engine/api/models";
import { isServerSource } from "../../engine/api/server-source";
import { field } from "../base/field";
import { alertIcon, earlierIcon } from "../base/icons";
import { HISTORY_TOKENS, memoryBytes } from "../state/models/known-models";
import type { ModelOptions } from "../state/models/model-request";
import type { Lookup } from "../state/models/models";
import { RequestEvent, type ChatRequest } from "../state/request";
import { byteText, wholeText } from "../base/sizes";
import { base } from "../base/theme";

type WeightBits = PlanOptions["weightBits"];

/** The formats of weights, in words. */
const WEIGHT_WORDS: readonly [bits: WeightBits, words: string][] = [
  [undefined, "Automatic (recommended)"],
  [4, "4 bits: smallest, a little less exact"],
  [8, "8 bits: about twice as large, nearly exact"],
  [16, "16 bits: largest, as in the files"],
];

/**
 * `<rondo-model-plan>`: what a looked-up model would take, its options, and a button that loads it.
 */
export class ModelPlanElement extends LitElement {
  static override styles = [
    base,
    field,
    css`
      :host {
        display: block;
      }

      .back {
        margin-block-end: 0.5rem;
        margin-inline-start: calc(-0.375rem - 1px);
        padding-inline: 0.375rem 0.75rem;
      }

      h3 {
        margin: 0;
        font: 400 1.25rem/1.25 var(--_display);
        overflow-wrap: anywhere;
      }

      .id {
        margin: 0.125rem 0 0;
        overflow-wrap: anywhere;
      }

      dl {
        display: grid;
        grid-template-columns: minmax(7rem, auto) minmax(0, 1fr);
        margin: 0.875rem 0;
        border-top: 1px solid var(--_line);
        font-size: 0.9375rem;
        line-height: 1.45;
      }

      dt,
      dd {
        margin: 0;
        padding: 0.4375rem 0;
        border-bottom: 1px solid var(--_line);
        overflow-wrap: anywhere;
      }

      dt {
        padding-inline-end: 1.25rem;
        color: var(--_muted);
      }

      .misfit {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0.5rem 0.75rem;
        margin: 0.875rem 0;
        padding: 0.75rem 0.875rem;
        border: 1px solid var(--_alert);
        border-radius: 0.75rem;
        background: var(--_raised);
      }

      .misfit .icon {
        margin-top: 0.1rem;
        color: var(--_alert);
      }

      .misfit p {
        margin: 0;
        color: var(--_text);
        font-size: 0.9375rem;
      }

      .misfit button {
        grid-column: 2;
        justify-self: start;
      }

      details,
      fieldset,
      rondo-failure-note {
        margin-top: 0.75rem;
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: end;
        gap: 0.5rem;
        margin-top: 1rem;
      }

      .actions span {
        margin-inline-end: auto;
        color: var(--_muted);
        font-size: 0.875rem;
      }
    `,
  ];

  @property({ attribute: false }) lookup: Lookup | undefined;
  @query("h3") private heading!: HTMLElement | null;

  override focus(options?: FocusOptions): void {
    this.heading?.focus(options);
  }

  override render() {
    const { lookup } = this;
    if (lookup?.plan === undefined) return nothing;
    const { error, isRunning, plan } = lookup;
    return html`
      <button
        class="back plain small"
        type="button"
        @click=${() => this.#ask({ type: "close-plan" })}
      >
        ${earlierIcon}All models
      </button>
      <section aria-labelledby="name" aria-busy=${isRunning}>
        <h3 id="name" tabindex="-1"><bdi>${plan.name}</bdi></h3>
        <p class="id"><bdi>${plan.id}</bdi></p>
        ${this.#summary(plan)}
        ${plan.misfit === undefined ? nothing : this.#misfit(plan.misfit)}
        ${this.#files(plan)} ${this.#weights(plan)}
        ${
          error === undefined
            ? nothing
            : html`<rondo-failure-note .error=${error}></rondo-failure-note>`
        }
        ${this.#actions(plan, isRunning)}
      </section>
    `;
  }

  #summary(plan: ModelPlan) {
    const { architecture, contextTokens, downloadBytes } = plan;
    const history = wholeText(Math.min(HISTORY_TOKENS, contextTokens));
    return html`<dl>
      <dt>Download</dt>
      <dd>
        ${
          downloadBytes === 0
            ? "None: all of it is on this device"
            : byteText(downloadBytes)
        }
      </dd>
      <dt>GPU memory</dt>
      <dd>${byteText(memoryBytes(plan))} with ${history} tokens of history</dd>
      <dt>Weights</dt>
      <dd>${weightText(plan)}</dd>
      <dt>Context</dt>
      <dd>${wholeText(contextTokens)} tokens</dd>
      <dt>Architecture</dt>
      <dd><bdi>${architecture}</bdi></dd>
    </dl>`;
  }

  #files({ choices, id }: ModelPlan) {
    if (choices.length < 2) return nothing;
    return html`
      <label for="file">File</label>
      <select id="file" @change=${this.#chooseFile}>
        ${choices.map(
          (choice) =>
            html`<option value=${choice.id} ?selected=${choice.id === id}>
              ${choice.name} · ${byteText(choice.bytes)}
            </option>`,
        )}
      </select>
      <p>Fewer bits per weight (Q4) make it smaller, more (Q8) more exact.</p>
    `;
  }

  /** Weights quantised in the file keep their format. */
  #weights({ id }: ModelPlan) {
    const { source } = this.lookup!.request;
    const names =
      typeof source === "string" || isServerSource(source)
        ? [id]
        : source.map(({ name }) => name);
    if (names.some((name) => /\.gguf$/i.test(name))) return nothing;
    const chosen = this.#options.weightBits;
    return html`<details>
      <summary>Details</summary>
      <fieldset>
        <legend>Weights on the GPU</legend>
        ${WEIGHT_WORDS.map(
          ([bits, words]) =>
            html`<label class="choice">
              <input
                type="radio"
                name="bits"
                .checked=${bits === chosen}
                @change=${() => this.#change({ weightBits: bits })}
              />
              ${words}
            </label>`,
        )}
      </fieldset>
    </details>`;
  }

  #misfit({ message, proposal }: Misfit) {
    return html`<div class="misfit" role="alert">
      ${alertIcon}
      <p>${message}</p>
      ${
        proposal === undefined
          ? nothing
          : html`<button
              class="small"
              type="button"
              @click=${() => this.#change(proposal)}
            >
              ${proposalText(proposal)}
            </button>`
      }
    </div>`;
  }

  #actions(
    { downloadBytes, hasUpdate, misfit }: ModelPlan,
    isRunning: boolean,
  ) {
    const use = (refresh: boolean) => {
      const { source, options } = this.#request;
      if (!isRunning)
        this.#ask({
          type: "use-model",
          model: {
            source,
            options: refresh ? { ...options, refresh } : options,
          },
        });
    };
    const isOff = isRunning ? "true" : nothing;
    return html`<div class="actions">
      <span role="status">${isRunning ? "Looking it up…" : ""}</span>
      ${
        hasUpdate
          ? html`<button
              type="button"
              aria-disabled=${isOff}
              @click=${() => use(true)}
            >
              Update
            </button>`
          : nothing
      }
      ${
        misfit === undefined
          ? html`<button
              class="primary"
              type="button"
              aria-disabled=${isOff}
              @click=${() => use(false)}
            >
              ${downloadBytes === 0 ? "Use" : "Download and use"}
            </button>`
          : nothing
      }
    </div>`;
  }

  get #options(): ModelOptions {
    return this.lookup?.request.options ?? {};
  }

  /** The planned model: of several files the chosen one. */
  get #request() {
    const { plan, request } = this.lookup!;
    const isChoice = plan!.choices.length > 0;
    return isChoice ? { ...request, source: plan!.id } : request;
  }

  #chooseFile(event: Event) {
    const source = (event.target as HTMLSelectElement).value;
    this.#plan(source, this.#options);
  }

  #change(options: ModelOptions) {
    this.#plan(this.#request.source, { ...this.#options, ...options });
  }

  #plan(source: ModelSource, options: ModelOptions) {
    this.#ask({ type: "plan-model", model: { source, options } });
  }

  #ask(request: ChatRequest) {
    this.dispatchEvent(new RequestEvent(request));
  }
}

/** "531 MB on the GPU, 6.5 bits each; 6 in the file". */
function weightText({
  weightBytes,
  bitsPerWeight,
  fileBitsPerWeight,
}: ModelPlan): string {
  const bits = (value: number) => String(Math.round(10 * value) / 10);
  const onGpu = bits(bitsPerWeight);
  const inFile = bits(fileBitsPerWeight);
  const each = `${byteText(weightBytes)} on the GPU, ${onGpu} bits each`;
  return onGpu === inFile
    ? `${each}, as in the file`
    : `${each}; ${inFile} in the file`;
}

function proposalText({
  memoryBudgetBytes,
  weightBits,
}: NonNullable<Misfit["proposal"]>): string {
  const weights = `${weightBits}-bit weights`;
  const history = `${byteText(memoryBudgetBytes ?? 0)} of history`;
  if (memoryBudgetBytes === undefined) return `Use ${weights}`;
  if (weightBits === undefined) return `Keep at most ${history}`;
  return `Use ${weights}, and at most ${history}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-model-plan": ModelPlanElement;
  }
}
