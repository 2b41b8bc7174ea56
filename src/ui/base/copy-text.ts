/**
 * Copies text that is still being made. A browser may allow that only as part of the press itself, so it is asked at
 * once.
 *
 * @throws Error that says what to do if the browser refuses
 */
export async function copyText(text: Promise<string>): Promise<void> {
  const blob = text.then((made) => new Blob([made], { type: "text/plain" }));
  // A browser that refuses does not look at it.
  blob.catch(() => undefined);
  try {
    await navigator.clipboard.write([
      new ClipboardItem({ "text/plain": blob }),
    ]);
  } catch (cause) {
    // What could not be made says so itself.
    await text;
    throw new Error(
      "The browser does not allow copying here. Save the chat as a file instead.",
      { cause },
    );
  }
}
