/** Server-sent events, as a server streams a reply. */
import { ServerError } from "../../util/errors";

/** Longer events are no part of a reply. */
const MOST_CHARACTERS = 4e6;

/**
 * The data of each event. Comments, with which servers keep a connection open, and other fields are left out.
 *
 * @throws ServerError for an event without an end; what reading throws
 */
export async function* eventData(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  try {
    for (let isOver = false; !isOver;) {
      const { done, value } = await reader.read();
      isOver = done;
      rest += decoder.decode(value, { stream: !done });
      // A last line without an end is an event, too.
      if (done) rest += "\n\n";
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "" && data.length > 0) {
          yield data.join("\n");
          data = [];
        }
        const found = /^data(?:: ?(.*))?$/s.exec(line);
        if (found) data.push(found[1] ?? "");
      }
      const held = data.reduce((sum, { length }) => sum + length, rest.length);
      if (held > MOST_CHARACTERS)
        throw new ServerError(
          "reply",
          "The server's reply is no stream of events: one of them has no end.",
        );
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
