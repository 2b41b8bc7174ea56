/**
 * Guards against passing an access token on. The hub answers requests for large files with a redirect to another
 * origin, whose address no page can read beforehand: only the browser can keep the token back. The Fetch Standard
 * removes `Authorization` there since November 2022 (https://github.com/whatwg/fetch/pull/1544): Firefox from 111
 * on, Safari from 16.1, Node in all versions that run this, Chromium from 119. Of the browsers with WebGPU only
 * Chromium 113 to 118 send it on.
 */
const FIRST_SAFE_CHROMIUM = 119;

/** Whether a browser of this name sends `Authorization` on to a redirect's origin. */
export function passesTokensOn(
  userAgent: string | undefined = globalThis.navigator?.userAgent,
): boolean {
  const version = /Chrom(?:e|ium)\/(\d+)/.exec(userAgent ?? "")?.[1];
  return version !== undefined && Number(version) < FIRST_SAFE_CHROMIUM;
}
