/** Registers elements that are not registered yet, so that they keep their styles in whatever document they are. */
import type { CSSResultOrNative, LitElement } from "lit";

type ElementClass = CustomElementConstructor & {
  elementStyles?: CSSResultOrNative[];
};

export function defineElements(elements: Record<string, ElementClass>): void {
  for (const [name, element] of Object.entries(elements)) {
    if (customElements.get(name) !== undefined) continue;
    const { prototype } = element as { prototype: LitElement };
    // A document drops the style sheets of another's when it adopts an element, as a pop-out window does.
    Object.defineProperty(prototype, "adoptedCallback", {
      value(this: LitElement) {
        adoptStyles(this, element.elementStyles ?? []);
      },
    });
    customElements.define(name, element);
  }
}

function adoptStyles(
  { ownerDocument, shadowRoot }: LitElement,
  styles: readonly CSSResultOrNative[],
): void {
  const Sheet = ownerDocument.defaultView?.CSSStyleSheet;
  if (Sheet === undefined || shadowRoot === null) return;
  shadowRoot.adoptedStyleSheets = styles.map((style) => {
    const sheet = new Sheet();
    sheet.replaceSync(
      "cssText" in style
        ? style.cssText
        : [...style.cssRules].map(({ cssText }) => cssText).join("\n"),
    );
    return sheet;
  });
}
