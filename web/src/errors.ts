/** Errors that are shown: one sentence that says what happened and what to do. */

/** What the server answered instead of a result. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    /** Seconds after which another try makes sense, or null. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** True for a request that the person cancelled: nothing to show. */
export function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

const BY_STATUS: Readonly<Record<number, string>> = {
  401: "The server wants a token: enter the one it was started with.",
  404: "The server doesn't know that address: is it another version? Reload the page.",
  413: "The file is larger than the server takes: choose a smaller one.",
  415: "The server doesn't read that type of file: use JPEG, PNG, WebP, TIFF or BMP.",
  422: "The picture can't be read: save it again as JPEG or PNG.",
  429: "The server has more work than it can queue: try again in a moment.",
  503: "The server isn't ready: try again in a moment.",
  504: "It took longer than the server allows: try a smaller picture.",
};

/**
 * Make an error of a reply that isn't a result.
 *
 * The server's own sentence is used where there is one; a proxy's or a broken server's reply gets ours.
 */
export function errorOf(status: number, body: string, retryAfter: string | null): ApiError {
  const seconds = retryAfter === null || retryAfter.trim() === "" ? Number.NaN : Number(retryAfter);
  const wait = Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
  try {
    const told = JSON.parse(body) as { error?: unknown; code?: unknown };
    if (typeof told.error === "string" && told.error !== "") {
      return new ApiError(told.error, status, typeof told.code === "string" ? told.code : "", wait);
    }
  } catch {
    // not JSON: fall through
  }
  return new ApiError(BY_STATUS[status] ?? `The server answered ${status}: try again, or look at its log.`, status, "", wait);
}

/** The sentence to show for any error. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Error && error.message !== "") return error.message;
  return "Something went wrong: reload the page and try again.";
}
