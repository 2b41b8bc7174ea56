/** The models that the picker lists: the page's own, the known ones, and others on this device. */
import type { StoredModel } from "../../engine/api/models";
import { deviceName } from "../../model/hub/device-name";
import { hubName } from "../../model/hub/hub-name";
import {
  EMBEDDED_ID,
  KNOWN_MODELS,
  nameOfId,
  type KnownModel,
} from "../state/models/known-models";
import {
  idOfSource,
  nameOfSource,
  sourceOf,
  type ModelRequest,
} from "../state/models/model-request";

export interface ModelEntry {
  /** As `load` takes it; undefined for the user's own files. */
  source: string | undefined;
  name: string;
  known: KnownModel | undefined;
  kept: StoredModel | undefined;
  /** Whether it comes with the page and needs no download. */
  isEmbedded: boolean;
  isInUse: boolean;
}

/**
 * @param own the model that the page names, if it names one
 * @param inUse the model that is loaded or loading
 */
export function modelEntries(
  own: string | undefined,
  kept: readonly StoredModel[],
  inUse: ModelRequest | undefined,
): ModelEntry[] {
  const known = KNOWN_MODELS.map((model) => ({
    ...model,
    id: sourceOf(model.id),
  }));
  // A page that names another model may have been built without the bundled one.
  const isThere = ({ id }: KnownModel) =>
    id !== sourceOf(EMBEDDED_ID) || id === own;
  const sources = [
    own,
    ...known.filter(isThere).map(({ id }) => id),
    ...kept.map(({ id }) => id),
    inUse?.source,
  ].filter((source) => typeof source === "string");
  const inUseId = inUse && idOfSource(inUse.source);
  const entries = [...new Set(sources)].map((source): ModelEntry => {
    const model = known.find(({ id }) => id === source);
    return {
      source,
      name: model?.name ?? nameOfId(source),
      known: model,
      kept: kept.find(({ id }) => id === source),
      isEmbedded: model?.downloadBytes === 0,
      isInUse: source === inUseId,
    };
  });
  if (inUse === undefined || entries.some(({ isInUse }) => isInUse))
    return entries;
  const files: ModelEntry = {
    source: undefined,
    name: nameOfSource(inUse.source),
    known: undefined,
    kept: undefined,
    isEmbedded: false,
    isInUse: true,
  };
  return [files, ...entries];
}

/** For example "on this device". */
export function whereText({ isEmbedded, kept, source }: ModelEntry): string {
  if (source === undefined) return "from your files";
  if (isEmbedded) return "comes with this page";
  if (kept === undefined && deviceName(source) !== undefined)
    return "not on this device";
  if (kept === undefined)
    return hubName(source) === undefined
      ? "fetched each time it is used"
      : "not on this device yet";
  const { keptBytes, totalBytes } = kept;
  if (keptBytes >= totalBytes) return "on this device";
  return `partly on this device: ${Math.floor((keptBytes / totalBytes) * 100)} %`;
}
