/** The panel's page: polls the inspected page while it is visible, and shows its state. */
import "./define-panel";
import { InspectedPage } from "./inspected-page";

const panel = document.querySelector("rondo-devtools-panel")!;
const { inspectedWindow, network } = chrome.devtools;
const page = new InspectedPage(
  {
    eval: (expression, callback) =>
      inspectedWindow.eval<unknown>(expression, callback),
  },
  () => (panel.pageState = page.state),
);
network.onNavigated.addListener(() => page.navigated());
// devtools.ts says when the panel is hidden, and when it is shown again.
addEventListener("rondo-shown", () => (page.isShown = true));
addEventListener("rondo-hidden", () => (page.isShown = false));
page.isShown = true;
