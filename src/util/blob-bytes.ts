/** The bytes of a Blob; undefined if the browser cannot read it (any more), as when its file was moved. */
export async function blobBytes(
  blob: Blob,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    return undefined;
  }
}
