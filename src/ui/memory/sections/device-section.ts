import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type {
  DeviceMemory,
  ModelMemory,
} from "../../../engine/api/memory-snapshot";
import { byteText, countText, wholeText } from "../../base/sizes";
import { base } from "../../base/theme";
import { countedText, smallText } from "../base/figures";
import { section } from "../base/memory-styles";

const CALIBRATIONS: Record<ModelMemory["calibration"], string> = {
  measured: "measured for this model",
  learned: "found in this browser",
  assumed: "default: not measured yet",
};

/** `<rondo-memory-device>`: the model, the device, and its limits. */
export class DeviceSection extends LitElement {
  static override styles = [
    base,
    section,
    css`
      td {
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) device: DeviceMemory | undefined;
  @property({ attribute: false }) model: ModelMemory | undefined;

  override render() {
    const { device, model } = this;
    return html`
      <h3>Model and device</h3>
      ${model ? modelList(model) : html`<p class="note">No model is loaded.</p>`}
      ${device ? this.#device(device) : nothing}
    `;
  }

  #device(device: DeviceMemory) {
    const { architecture, description, features, isSoftware, vendor } = device;
    const names = [description, vendor, architecture].filter(Boolean);
    return html`
      <h4>Device</h4>
      <dl>
        <dt>GPU</dt>
        <dd>
          ${names.length === 0 ? "not reported by the browser" : names.join(" · ")}
        </dd>
        ${
          isSoftware
            ? html`<dt>Note</dt>
                <dd>No GPU: running on the CPU.</dd>`
            : nothing
        }
        <dt>Features</dt>
        <dd>${features.length === 0 ? "none" : features.join(", ")}</dd>
      </dl>
      <details>
        <summary>
          ${countedText(Object.keys(device.limits).length, "limit")}
        </summary>
        ${limitTable(device)}
      </details>
      <h4>Kernel self-test</h4>
      ${canaryTable(device)}
    `;
  }
}

function modelList(model: ModelMemory) {
  return html`
    <dl>
      <dt>Model</dt>
      <dd><bdi>${model.name}</bdi></dd>
      <dt>Kind</dt>
      <dd>
        ${model.architecture}, ${countText(model.parameterCount)} parameters
      </dd>
      <dt>Context</dt>
      <dd>${wholeText(model.contextTokens)} tokens</dd>
      <dt>KV</dt>
      <dd>${byteText(model.kvBytesPerToken)} a token</dd>
      <dt>Watershed</dt>
      <dd>
        above layer ${model.watershed} of ${model.layerCount}, using
        ${model.massHeads} of ${model.headCount} heads;
        ${CALIBRATIONS[model.calibration]}
      </dd>
      <dt>Rounds chosen</dt>
      <dd>${chosenText(model)}</dd>
    </dl>
  `;
}

/** How rounds are chosen. */
function chosenText({ choosesBy, retrievalHeads, tau }: ModelMemory): string {
  const count = retrievalHeads.length;
  if (choosesBy === "words")
    return "all, while they fit; then by the words that they share with the question, and the newest";
  if (choosesBy === "mass")
    return `until they hold ${Math.round(tau * 100)} % of the attention`;
  return `by ${countedText(count, "retrieval head")} (layer and head ${retrievalHeads.join(", ")}): those that a question asks for more than one that asks for nothing, and no fewer than three`;
}

function limitTable({ limits }: DeviceMemory) {
  return html`<table>
    <tbody>
      ${Object.entries(limits).map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td class="number">${limitText(name, value)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** WebGPU's names end in their unit. */
function limitText(name: string, value: number): string {
  return /Size$|StorageSize$/.test(name) && value >= 1e6
    ? byteText(value)
    : wholeText(value);
}

function canaryTable({ canary }: DeviceMemory) {
  if (canary.length === 0)
    return html`<p class="note">No kernel was tested on this device.</p>`;
  return html`<table>
    <thead>
      <tr>
        <th scope="col">Kernel</th>
        <th class="number" scope="col">Error</th>
        <th class="number" scope="col">Allowed</th>
        <th class="number" scope="col">Result</th>
      </tr>
    </thead>
    <tbody>
      ${canary.map(
        ({ error, kernel, tolerance }) =>
          html`<tr>
            <td>${kernel}</td>
            <td class="number">${smallText(error)}</td>
            <td class="number">${smallText(tolerance)}</td>
            <td class="number ${error <= tolerance ? "" : "alert"}">
              ${error <= tolerance ? "passed" : "failed"}
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "rondo-memory-device": DeviceSection;
  }
}
