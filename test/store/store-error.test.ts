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
