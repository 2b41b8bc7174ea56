/**
 * Ids of models that the user had as files: `device:name`. They are stored like models of the hub, and loaded by
 * this id.
 */
import { bytesInWords } from "../../util/bytes-in-words";

const PREFIX = "device:";

/** What a name is made from: files of a model, as the user chose them. */
type NamedFile = Pick<File, "name" | "size" | "webkitRelativePath">;

/** The name in an id; undefined if it is no such id. */
export function deviceName(id: string): string | undefined {
  return id.startsWith(PREFIX) ? id.slice(PREFIX.length) : undefined;
}

/** The id under which these files are stored. */
export function deviceId(files: readonly NamedFile[]): string {
  return PREFIX + nameOfFiles(files);
}

/**
 * A name for files: the first GGUF file, or the folder. Files without a folder are often called like those of any
 * other model, so their size is added.
 */
export function nameOfFiles(files: readonly NamedFile[]): string {
  const named = (end: string) =>
    files
      .map(({ name }) => name)
      .filter((name) => name.endsWith(end))
      .sort()[0];
  const [folder] = files[0]?.webkitRelativePath?.split("/") ?? [];
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const weights = named(".safetensors") ?? files[0]?.name ?? "nothing";
  return named(".gguf") ?? (folder || `${weights}, ${bytesInWords(bytes)}`);
}
