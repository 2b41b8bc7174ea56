/**
 * Keeps what is typed in the chat's boxes from the page's own shortcuts. Outside of the element, a key event seems to
 * come from `<rondo-chat>`, so a page that spares text boxes can't know. A page that listens while events are captured
 * still hears everything.
 */

const TYPES = ["keydown", "keypress", "keyup"] as const;
/** Keys that edit together with Ctrl or Cmd. */
const EDITING = /^(?:[acvxyz]|Enter|Backspace|Delete|Arrow\w+|Home|End)$/i;

export function keepTypedKeys(root: ShadowRoot | HTMLElement): void {
  for (const type of TYPES)
    root.addEventListener(type, (event) => {
      if (isTyped(event as KeyboardEvent)) event.stopPropagation();
    });
}

function isTyped(event: KeyboardEvent): boolean {
  const [target] = event.composedPath();
  if (!isTextBox(target)) return false;
  const { key } = event;
  // Tab, Escape and function keys move in the page and type nothing.
  if (/^(?:Tab|Escape|F\d+)$/.test(key)) return false;
  // On Windows AltGr is Ctrl and Alt.
  const isCommand =
    (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
  return !isCommand || EDITING.test(key);
}

function isTextBox(target: EventTarget | undefined): boolean {
  if (target instanceof HTMLInputElement)
    return !/^(?:button|checkbox|file|radio|range|submit)$/.test(target.type);
  return target instanceof HTMLTextAreaElement;
}
