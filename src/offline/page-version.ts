/**
 * The files of a build. The build writes them into the first line of the service worker (tools/service-worker.mjs),
 * so that the worker changes whenever a file does.
 */
export interface PageVersion {
  /** Unique to this list of files. */
  name: string;
  /**
   * Each file's path, relative to the page's folder and as it stands in an address, and its SHA-256 as
   * `integrity` takes it. The page itself is "".
   */
  files: Readonly<Record<string, string>>;
}
