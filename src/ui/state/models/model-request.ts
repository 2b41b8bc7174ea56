/** A request for a model: its source, and how to load it. */
import type { LoadOptions, ModelSource } from "../../../engine/api/models";
import { isServerSource } from "../../../engine/api/server-source";
import {
  deviceId,
  deviceName,
  nameOfFiles,
} from "../../../model/hub/device-name";
import { hubName } from "../../../model/hub/hub-name";
import { nameOfId } from "./known-models";

/** The options that a user can set. */
export type ModelOptions = Pick<
  LoadOptions,
  "weightBits" | "memoryBudgetBytes" | "hubToken" | "refresh"
>;

export interface ModelRequest {
  source: ModelSource;
  options: ModelOptions;
}

/** Weights, their index, and the small files beside them; phones would offer no file for unknown endings. */
export const MODEL_FILES =
  ".gguf,.safetensors,.json,.jinja,application/octet-stream";

/** Leaves names on the hub, and ids of kept files, unchanged; anything else is a URL, which may be relative to the page. */
export function sourceOf(id: string): string {
  if (hubName(id) !== undefined) return id.trim();
  if (deviceName(id) !== undefined) return id;
  return new URL(id, document.baseURI).href;
}

/**
 * Parses typed or pasted text: a name on the hub, the URL of a model's page there, or another URL. Undefined where it
 * is none of these.
 */
export function typedSource(
  text: string,
  hubUrl = "https://huggingface.co",
): string | undefined {
  const typed = text.trim();
  if (hubName(typed) !== undefined) return typed;
  const isAddress = /^(https?:\/\/|\.{0,2}\/)/.test(typed);
  if (!isAddress || !URL.canParse(typed, document.baseURI)) return undefined;
  const url = new URL(typed, document.baseURI);
  return pageOnHub(url, hubUrl) ?? url.href;
}

/** `https://huggingface.co/org/name/blob/main/file.gguf` is `org/name/file.gguf`. */
function pageOnHub({ hostname, pathname }: URL, hubUrl: string) {
  const hosts = [new URL(hubUrl, document.baseURI).hostname, "huggingface.co"];
  if (!hosts.includes(hostname)) return undefined;
  const [org, name, , , ...file] = pathname.split("/").filter(Boolean);
  const path = file.join("/");
  const id = `${org}/${name}${path.endsWith(".gguf") ? `/${path}` : ""}`;
  return hubName(id) === undefined ? undefined : id;
}

/** A model by a string: files by the id under which they may be kept on this device, without a server's key. */
export function idOfSource(source: ModelSource): string {
  if (isServerSource(source))
    return `server:${source.endpoint} ${source.model ?? ""}`;
  return typeof source === "string" ? source : deviceId(source);
}

/** A short name. */
export function nameOfSource(source: ModelSource): string {
  if (isServerSource(source)) return source.model ?? source.endpoint;
  return typeof source === "string" ? nameOfId(source) : nameOfFiles(source);
}

/** Whether files are a model's rather than documents. */
export function areModelFiles(files: readonly File[]): boolean {
  return files.some(({ name }) => /\.(gguf|safetensors)$/i.test(name));
}

/** Options that hold for all models of the element. */
export type LoadPreferences = Pick<LoadOptions, "hubUrl" | "memoryBudgetBytes">;

/** Options for the engine. A token is passed for the hub only. */
export function engineOptions(
  { source, options }: ModelRequest,
  { hubUrl, memoryBudgetBytes }: LoadPreferences,
): LoadOptions {
  const { hubToken, ...others } = options;
  const all = {
    ...others,
    memoryBudgetBytes: smallest(options.memoryBudgetBytes, memoryBudgetBytes),
  };
  if (typeof source !== "string" || hubName(source) === undefined) return all;
  return { ...all, hubToken, hubUrl };
}

/** The smallest of the budgets: the model only fits with its own or a smaller one. */
function smallest(...budgets: (number | undefined)[]): number | undefined {
  const given = budgets.filter((bytes) => bytes !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
