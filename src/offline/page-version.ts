/**
 * What a build of the page consists of. The build writes it into the first line of the service worker
 * (tools/service-worker.mjs), so that a browser sees another worker as soon as one file is another.
 */
export interface PageVersion {
  /** Another one for each list of files. */
  name: string;
  /**
   * Each file's path, relative to the page's folder and as it stands in an address, and its SHA-256 as
   * `integrity` takes it. The page itself is "".
   */
  files: Readonly<Record<string, string>>;
}
