import { expect, test } from "vitest";
import { longSnapshot, makeReport } from "../../support/memory-snapshots";
import { button, find, settle } from "../mount";
import { mountPanel } from "./mount";

/** Has a file of its own: a policy that a page has taken in stays with it. */
test("The panel keeps to a policy that allows no inline styles", async () => {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "style-src 'self'";
  document.head.append(policy);
  const violations: string[] = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    violations.push(`${event.violatedDirective}: ${event.sample}`),
  );
  const { source } = await mountPanel(longSnapshot(), 1200);
  source.onVerify = (verification) =>
    verification.finish(makeReport(source.snapshot));
  await button("Verify this turn").click();
  await settle();
  const plot = find("rondo-turn-plot", ".u-over");
  plot.dispatchEvent(
    new MouseEvent("mousemove", { clientX: 900, clientY: 300, bubbles: true }),
  );
  await settle();
  expect(violations).toEqual([]);
  // uPlot's own styles came in another way, and the map got its height.
  expect(getComputedStyle(plot).position).toBe("absolute");
  expect(find("rondo-heat-map", ".frame").clientHeight).toBeGreaterThan(90);
  // The policy is at work: this would be a violation.
  document.body.setAttribute("style", "margin: 1px");
  await expect.poll(() => violations).toHaveLength(1);
});
