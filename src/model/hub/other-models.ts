/** The models on this device that could make room for another one. */
import type { ModelFileStore } from "../../store/model-store";
import { bytesInWords } from "../../util/bytes-in-words";
import { deviceName } from "./device-name";
import { missingBytes, totalBytes } from "./model-chunks";

/** All but the model `id`, with their sizes: "org/name (1.2 GB), …"; "" if there are none. */
export async function othersInWords(
  store: ModelFileStore,
  id: string,
): Promise<string> {
  const others: string[] = [];
  for (const other of await store.list()) {
    if (other.id === id) continue;
    const bytes =
      totalBytes(other) - missingBytes(other, await store.chunks(other.id));
    const name = deviceName(other.id) ?? other.id;
    if (bytes > 0) others.push(`${name} (${bytesInWords(bytes)})`);
  }
  return others.join(", ");
}
