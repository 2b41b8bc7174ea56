import { expect, test } from "vitest";
import { asStoreError } from "../../src/store/store-error";

test.each(["constructor", "__proto__", "toString"])(
  "an error that calls itself %s becomes a StoreError that keeps its words",
  (name) => {
    const cause = Object.assign(new Error("what went wrong"), { name });
    const error = asStoreError(cause, "save a round");
    expect(error).toMatchObject({ reason: "failed", cause });
    expect(error.message).toMatch(
      /^Could not save a round: what went wrong\. /,
    );
  },
);

test.each([
  new DOMException("The operation is insecure.", "SecurityError"),
  new DOMException(
    "Internal error opening: user denied permission to access the database.",
    "UnknownError",
  ),
  new DOMException(
    "A mutation operation was attempted on a database that did not allow mutations.",
    "InvalidStateError",
  ),
])(
  "storage that is refused says that nothing is kept, and how to allow it: %s",
  (cause) => {
    const error = asStoreError(cause, "open the chats");
    expect(error.reason).toBe("unavailable");
    expect(error.message).toMatch(/nothing is kept\. Allow site data/);
  },
);

test("an error's words end in one full stop", () => {
  const cause = new DOMException("Something. Else..", "UnknownError");
  expect(asStoreError(cause, "read the chats").message).toBe(
    "Could not read the chats: Something. Else. Try again; if this persists, reload the page.",
  );
});
