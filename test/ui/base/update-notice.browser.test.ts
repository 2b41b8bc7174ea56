import axe from "axe-core";
import { expect, onTestFinished, test } from "vitest";
import { page } from "vitest/browser";
import { UpdateNotice } from "../../../src/ui/base/update-notice";
import { button, settle } from "../mount";

customElements.define("rondo-update-notice", UpdateNotice);

async function mountNotice(): Promise<UpdateNotice> {
  await page.viewport(360, 700);
  const notice = document.createElement("rondo-update-notice");
  document.body.append(notice);
  onTestFinished(() => notice.remove());
  await settle();
  return notice;
}

test("a new version is offered, and taken by a press", async () => {
  const notice = await mountNotice();
  expect(notice.offsetHeight).toBe(0);
  let reloads = 0;
  notice.offer(() => reloads++);
  await settle();
  await expect
    .element(page.getByRole("status"))
    .toHaveTextContent("A new version is ready.");
  const { violations } = await axe.run(notice);
  expect(violations).toEqual([]);
  await button("Reload").click();
  expect(reloads).toBe(1);
});

test("it can be put off", async () => {
  const notice = await mountNotice();
  notice.offer(() => expect.unreachable());
  await settle();
  await button("Later").click();
  await settle();
  expect(notice.offsetHeight).toBe(0);
});
