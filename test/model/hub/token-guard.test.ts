import { expect, test } from "vitest";
import { passesTokensOn } from "../../../src/model/hub/token-guard";
import { ofChrome } from "../../support/user-agents";

test.each([
  ["Chrome 113", ofChrome("113.0.0.0"), true],
  ["Chrome 118", ofChrome("118.0.0.0"), true],
  ["Chrome 119", ofChrome("119.0.0.0"), false],
  ["Chrome 200", ofChrome("200.0.0.0"), false],
  ["Edge 118", ofChrome("118.0.0.0", " Edg/118.0.2088.46"), true],
  ["Edge 119", ofChrome("119.0.0.0", " Edg/119.0.2151.44"), false],
  [
    "Chrome without a head",
    ofChrome("118.0.0.0").replace("Chrome", "HeadlessChrome"),
    true,
  ],
  [
    "Chromium",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chromium/118.0.0.0 Safari/537.36",
    true,
  ],
  [
    "Firefox 141",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
    false,
  ],
  [
    "Safari 26",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    false,
  ],
  [
    "Chrome on iOS, which is a Safari",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/118.0.0.0 Mobile/15E148 Safari/604.1",
    false,
  ],
  ["Node", "Node.js/22", false],
  ["what has no name", undefined, false],
])("%s", (_, userAgent, passesOn) => {
  expect(passesTokensOn(userAgent)).toBe(passesOn);
});
