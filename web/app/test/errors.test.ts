import { ApiError } from "@antiphon/client";
import { expect, it } from "vitest";
import { codeOf } from "../src/shared/errors.js";

it.each([
  ["the server's code", new ApiError(413, "invalid", ""), "invalid"],
  ["a refusal of what stands before the server", new ApiError(413, "", ""), "too_large"],
  ["another one", new ApiError(418, "", ""), "unexpected"],
  ["what is no answer at all", new TypeError("bug"), "unexpected"],
])("an error is told by %s", (_by, error, code) => expect(codeOf(error)).toBe(code));
