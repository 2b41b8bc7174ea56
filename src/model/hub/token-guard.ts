/**
 * Where an access token would be passed on. The hub answers requests for large files with a redirect to
 * another origin, and where it leads no page can read beforehand: that the token stays behind is up to the
 * browser. The Fetch Standard takes `Authorization` away there since November 2022
 * (https://github.com/whatwg/fetch/pull/1544): Firefox from 111 on, Safari from 16.1, Node in all versions that
 * run this, Chromium from 119. Of the browsers with WebGPU only Chromium 113 to 118 send it on.
 */
const FIRST_SAFE_CHROMIUM = 119;

/** Whether a browser of this name sends `Authorization` on to the origin that a redirect leads to. */
export function passesTokensOn(
  userAgent: string | undefined = globalThis.navigator?.userAgent,
): boolean {
  const version = /Chrom(?:e|ium)\/(\d+)/.exec(userAgent ?? "")?.[1];
  return version !== undefined && Number(version) < FIRST_SAFE_CHROMIUM;
}
