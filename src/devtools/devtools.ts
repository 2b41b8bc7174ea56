/** Runs hidden wherever DevTools is open: adds the panel, and tells it when it is visible. */
chrome.devtools.panels.create("Rondo", "", "panel.html", (panel) => {
  let panelWindow: Window | undefined;
  panel.onShown.addListener((shownWindow) => {
    panelWindow = shownWindow;
    shownWindow.dispatchEvent(new Event("rondo-shown"));
  });
  panel.onHidden.addListener(() =>
    panelWindow?.dispatchEvent(new Event("rondo-hidden")),
  );
});

export {};
